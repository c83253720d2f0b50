fn main() {
    let words = [String::from("a")];
    let first: &String = &words[0];
    spoa::run!(reload = first)
}

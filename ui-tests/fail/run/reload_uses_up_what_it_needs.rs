fn main() {
    let rules = vec![String::from("a")];
    spoa::run!(reload = rules)
}

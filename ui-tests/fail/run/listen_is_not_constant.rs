fn main() {
    let address = String::from("127.0.0.1:12345");
    spoa::run!(listen = &address)
}

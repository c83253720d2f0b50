fn main() {
    spoa::run!("127.0.0.1:12345")
}

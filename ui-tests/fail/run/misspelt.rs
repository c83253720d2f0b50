fn main() {
    spoa::run!(listn = "127.0.0.1:12345")
}

fn main() {
    spoa::run!(port = 12345)
}

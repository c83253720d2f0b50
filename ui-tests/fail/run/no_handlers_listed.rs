fn main() {
    spoa::run!(handlers = [])
}

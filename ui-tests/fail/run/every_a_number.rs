fn main() {
    spoa::run!(reload = 1, every = 10)
}

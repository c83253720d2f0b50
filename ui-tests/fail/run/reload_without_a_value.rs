fn main() {
    spoa::run!(reload)
}

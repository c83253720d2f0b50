fn main() {
    spoa::run!(reload = 1, name = "a", watch = "rules")
}

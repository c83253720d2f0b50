fn main() {
    spoa::run!(name = "a", name = "b")
}

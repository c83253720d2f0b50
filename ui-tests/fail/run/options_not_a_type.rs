fn main() {
    spoa::run!(options = Options::default())
}

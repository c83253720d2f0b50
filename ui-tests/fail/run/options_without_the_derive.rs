struct Options {
    rules: String,
}

fn main() {
    spoa::run!(options = Options)
}

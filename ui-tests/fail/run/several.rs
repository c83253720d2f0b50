fn main() {
    spoa::run!(nmae = "a", listen, state = )
}

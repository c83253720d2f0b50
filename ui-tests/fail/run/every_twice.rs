fn main() {
    spoa::run!(reload = 1, every = "1s", every = "2s")
}

fn main() {
    spoa::run!(every = "10s", reload = 1)
}

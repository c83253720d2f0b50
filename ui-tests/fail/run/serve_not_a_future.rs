fn main() {
    spoa::run!(serve = |_serving| 7)
}

async fn count() -> u32 {
    7
}

fn main() {
    spoa::run!(serve = count())
}

use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    #[var(flatten)]
    score: u8,
}

fn main() {}

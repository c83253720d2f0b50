use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    #[var(scop = "txn")]
    score: u8,
}

fn main() {}

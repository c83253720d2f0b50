use spoa::prelude::*;

#[derive(IntoActions)]
#[vars(scope = "txn")]
struct Verdict {
    score: u8,
    #[var(name = "score")]
    rating: u8,
}

fn main() {}

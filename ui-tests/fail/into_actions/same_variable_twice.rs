use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    score: u8,
    #[spoa("score")]
    rating: u8,
}

fn main() {}

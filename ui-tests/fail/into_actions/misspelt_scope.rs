use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    #[spoa(scop = "txn")]
    score: u8,
}

fn main() {}

use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    #[spoa("ip-score")]
    score: u8,
    größe: u8,
}

fn main() {}

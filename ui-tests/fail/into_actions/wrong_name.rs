use spoa::prelude::*;

#[derive(IntoActions)]
#[vars(scope = "txn")]
struct Verdict {
    #[var(name = "ip-score")]
    score: u8,
    größe: u8,
}

fn main() {}

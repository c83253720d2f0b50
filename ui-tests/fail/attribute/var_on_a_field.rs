use spoa::prelude::*;

#[derive(IntoActions)]
#[vars(scope = "txn")]
struct Verdict {
    #[var(name = "ip_score", scope = "sess")]
    score: u8,
}

fn main() {}

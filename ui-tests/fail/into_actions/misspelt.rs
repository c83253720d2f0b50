use spoa::prelude::*;

#[derive(IntoActions)]
#[vars(scop = "txn")]
struct Verdict {
    #[var(nam = "x", scope = "txn")]
    score: u8,
}

fn main() {}

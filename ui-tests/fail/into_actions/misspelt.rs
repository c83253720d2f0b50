use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa(scop = "txn")]
struct Verdict {
    #[spoa(nam = "x", scope = "txn")]
    score: u8,
}

fn main() {}

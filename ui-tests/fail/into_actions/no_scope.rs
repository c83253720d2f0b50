use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    score: u8,
    #[var(scope = "sess")]
    reason: String,
}

fn main() {}

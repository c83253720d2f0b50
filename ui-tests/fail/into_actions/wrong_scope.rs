use spoa::prelude::*;

#[derive(IntoActions)]
#[vars(scope = "transaction")]
struct Verdict {
    score: u8,
    #[var(scope = "sessions")]
    reason: String,
}

fn main() {}

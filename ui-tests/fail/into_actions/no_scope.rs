use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    score: u8,
    #[spoa(scope = "sess")]
    reason: String,
}

fn main() {}

use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa(scope = "transaction")]
struct Verdict {
    score: u8,
    #[spoa(scope = "sessions")]
    reason: String,
}

fn main() {}

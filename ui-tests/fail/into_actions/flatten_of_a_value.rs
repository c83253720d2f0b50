use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    #[spoa(flatten)]
    score: u8,
}

fn main() {}

use spoa::prelude::*;

#[derive(IntoActions)]
#[vars]
struct Verdict {
    #[var("rating")]
    score: u8,
}

fn main() {}

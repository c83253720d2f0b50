use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    #[var(flatten, name = "x")]
    score: SetVar<u8>,
}

fn main() {}

use spoa::prelude::*;

#[derive(IntoActions)]
struct Verdict {
    #[spoa(flatten, name = "x")]
    score: SetVar<u8>,
}

fn main() {}

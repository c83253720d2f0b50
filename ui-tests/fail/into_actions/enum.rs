use spoa::prelude::*;

#[derive(IntoActions)]
enum Verdict {
    Allow,
    Deny,
}

fn main() {}

use spoa::prelude::*;

#[derive(IntoActions)]
#[vars(scope = "txn")]
struct Verdict(u8, #[var(name = "reason")] String);

fn main() {}

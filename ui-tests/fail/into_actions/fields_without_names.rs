use spoa::prelude::*;

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict(u8, #[spoa("reason")] String);

fn main() {}

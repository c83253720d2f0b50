use spoa::prelude::*;

#[spoe_message("check", on_failure = |_| SetVar::transaction("check-failed", true))]
fn check() {}

fn main() {}

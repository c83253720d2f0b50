use spoa::prelude::*;

#[spoe_message("check", on_failure = SetVar::transaction("failed", true))]
fn check() {}

fn main() {}

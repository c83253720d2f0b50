use spoa::prelude::*;

#[spoe_message("check-a", "check-b")]
fn check() {}

fn main() {}

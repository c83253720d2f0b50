use spoa::prelude::*;

#[spoe_message("check", condition = "if local")]
fn check() {}

fn main() {}

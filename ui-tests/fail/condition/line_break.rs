use spoa::prelude::*;

#[spoe_message("check", event = "on-http-response", condition = "if a\n  b")]
fn check() {}

fn main() {}

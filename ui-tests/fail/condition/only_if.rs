use spoa::prelude::*;

#[spoe_message("check", event = "on-http-response", condition = "if")]
fn check() {}

fn main() {}

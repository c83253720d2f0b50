use spoa::prelude::*;

#[spoe_message("check", event = "on-http-response", condition = "")]
fn check() {}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", event = "on-http-response", condition = "{ status 500 }")]
fn check() {}

fn main() {}

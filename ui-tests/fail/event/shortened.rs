use spoa::prelude::*;

#[spoe_message("check", event = "on-http-request")]
fn check() {}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", event = "on-http-response if { status 500 }")]
fn check() {}

fn main() {}

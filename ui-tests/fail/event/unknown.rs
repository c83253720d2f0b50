use spoa::prelude::*;

#[spoe_message("check", event = "on-frontend-http-requst")]
fn check() {}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", event = "on-client-session", group = "checks")]
fn check() {}

fn main() {}

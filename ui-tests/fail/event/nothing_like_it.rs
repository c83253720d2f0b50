use spoa::prelude::*;

#[spoe_message("check", event = "startup")]
fn check() {}

fn main() {}

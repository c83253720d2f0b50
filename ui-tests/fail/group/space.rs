use spoa::prelude::*;

#[spoe_message("check", group = "check ip")]
fn check() {}

fn main() {}

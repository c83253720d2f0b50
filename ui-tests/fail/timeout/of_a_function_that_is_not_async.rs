use spoa::prelude::*;

#[spoe_message("check", timeout = "20ms")]
fn check() {}

fn main() {}

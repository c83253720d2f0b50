use spoa::prelude::*;

#[spoe_message("check", crate = "spoa")]
fn check() {}

fn main() {}

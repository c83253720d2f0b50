use spoa::prelude::*;

#[spoe_message("check/ip")]
fn check() {}

fn main() {}

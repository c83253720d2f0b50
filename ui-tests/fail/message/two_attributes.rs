use spoa::prelude::*;

#[spoe_message("check-a")]
#[spoe_message("check-b")]
fn check() {}

fn main() {}

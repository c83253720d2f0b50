use spoa::prelude::*;

#[spoe_message("check", group = "")]
fn check() {}

fn main() {}

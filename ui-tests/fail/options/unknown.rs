use spoa::prelude::*;

#[spoe_message("check", priority = 3)]
fn check() {}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", blocking = true)]
fn check() {}

fn main() {}

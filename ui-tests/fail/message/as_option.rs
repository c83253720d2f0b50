use spoa::prelude::*;

#[spoe_message(name = "check")]
fn check() {}

fn main() {}

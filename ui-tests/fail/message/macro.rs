use spoa::prelude::*;

#[spoe_message(concat!("a", "-b"))]
fn check() {}

fn main() {}

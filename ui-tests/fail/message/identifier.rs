use spoa::prelude::*;

#[spoe_message(check)]
fn check() {}

fn main() {}

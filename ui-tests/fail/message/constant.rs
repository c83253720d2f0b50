use spoa::prelude::*;

const NAME: &str = "check";

#[spoe_message(crate::NAME)]
fn check() {}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(indx = 1)] _: u8) {}

fn main() {}

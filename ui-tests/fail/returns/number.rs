use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> u8 {
    value
}

fn main() {}

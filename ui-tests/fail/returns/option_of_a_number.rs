use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> Option<u8> {
    Some(value)
}

fn main() {}

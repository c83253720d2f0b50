use spoa::prelude::*;

#[spoe_message("check", set = "sess.")]
fn check(value: u8) -> u8 {
    value
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", set = "ip_score")]
fn check(value: u8) -> u8 {
    value
}

fn main() {}

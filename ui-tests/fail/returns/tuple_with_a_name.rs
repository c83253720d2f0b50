use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> (&'static str, u8) {
    ("value", value)
}

fn main() {}

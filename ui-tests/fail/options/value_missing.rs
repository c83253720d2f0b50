use spoa::prelude::*;

#[spoe_message("check", set = )]
fn check() -> u8 {
    1
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
unsafe extern "C" fn check(value: u8, mut rest: ...) {
    let _ = value;
}

fn main() {}

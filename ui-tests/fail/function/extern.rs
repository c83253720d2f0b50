use spoa::prelude::*;

#[spoe_message("check")]
extern "C" fn check(value: u8) {
    let _ = value;
}

fn main() {}

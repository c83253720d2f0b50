use spoa::prelude::*;

#[spoe_message("check")]
unsafe fn check(value: &str) {
    let _ = value;
}

fn main() {}

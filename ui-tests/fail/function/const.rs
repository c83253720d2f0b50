use spoa::prelude::*;

#[spoe_message("check")]
const fn check(value: bool) {
    let _ = value;
}

fn main() {}

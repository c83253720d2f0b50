use spoa::prelude::*;

#[spoe_message("check")]
fn check() {}

#[spoe_message("check")]
fn check_again() {}

fn main() {
    spoa::run!(handlers = [check, check_again])
}

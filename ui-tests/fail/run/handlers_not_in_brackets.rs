use spoa::prelude::*;

#[spoe_message("check")]
fn check() {}

fn main() {
    spoa::run!(handlers = check)
}

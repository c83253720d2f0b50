use spoa::prelude::*;

#[spoe_message("check")]
fn check(ratio: Option<u128>) {
    let _ = ratio;
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check(ratio: f64) {
    let _ = ratio;
}

fn main() {}

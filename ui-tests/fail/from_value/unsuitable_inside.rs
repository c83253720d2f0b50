use spoa::prelude::*;

#[derive(FromValue)]
struct Ratio(f64);

#[spoe_message("check")]
fn check(ratio: Ratio) {
    let _ = ratio.0;
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "lower")] value: &str) {
    let _ = value;
}

fn main() {}

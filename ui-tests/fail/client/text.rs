use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "path")] value: &str) {
    let _ = value;
}

fn main() {}

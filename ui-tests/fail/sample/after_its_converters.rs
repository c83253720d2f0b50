use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "path,length")] value: &str) {
    let _ = value;
}

fn main() {}

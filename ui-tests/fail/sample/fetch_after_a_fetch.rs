use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "path,src")] value: &str) {
    let _ = value;
}

fn main() {}

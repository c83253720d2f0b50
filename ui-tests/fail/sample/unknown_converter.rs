use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "path,lowre")] value: &str) {
    let _ = value;
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "path,word(1)")] value: &str) {
    let _ = value;
}

fn main() {}

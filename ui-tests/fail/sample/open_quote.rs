use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "'str(a)")] value: &str) {
    let _ = value;
}

fn main() {}

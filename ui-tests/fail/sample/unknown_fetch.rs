use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "req.hder(host)")] value: &str) {
    let _ = value;
}

fn main() {}

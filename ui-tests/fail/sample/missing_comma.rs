use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr(host)lower")] value: &str) {
    let _ = value;
}

fn main() {}

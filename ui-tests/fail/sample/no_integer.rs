use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr(host,first)")] value: &str) {
    let _ = value;
}

fn main() {}

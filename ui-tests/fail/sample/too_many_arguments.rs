use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr(host,1,2)")] value: &str) {
    let _ = value;
}

fn main() {}

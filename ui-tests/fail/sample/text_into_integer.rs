use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr(x-id)")] value: u64) {
    let _ = value;
}

fn main() {}

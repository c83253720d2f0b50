use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr(dnt)")] value: bool) {
    let _ = value;
}

fn main() {}

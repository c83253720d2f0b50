use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr_val(x-n)")] value: i64) {
    let _ = value;
}

fn main() {}

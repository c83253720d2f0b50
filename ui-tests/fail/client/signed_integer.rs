use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr_val(x-n)")] value: Option<u64>) {
    let _ = value;
}

fn main() {}

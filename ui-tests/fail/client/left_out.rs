use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "req.fhdr(authorization)")] value: &[u8]) {
    let _ = value;
}

fn main() {}

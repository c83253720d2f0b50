use spoa::prelude::*;
#[spoe_message("check")]
fn check(#[arg(sample = "req.body_size")] value: u16) {
    let _ = value;
}

fn main() {}

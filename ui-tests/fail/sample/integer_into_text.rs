use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "dst_port")] value: &str) {
    let _ = value;
}

fn main() {}

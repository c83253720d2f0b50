use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "ssl_fc")] value: u8) {
    let _ = value;
}

fn main() {}

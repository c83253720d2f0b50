use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "src")] value: u16) {
    let _ = value;
}

fn main() {}

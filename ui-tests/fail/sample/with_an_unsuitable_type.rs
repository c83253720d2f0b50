use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "src_port")] ratio: f64) {
    let _ = ratio;
}

fn main() {}

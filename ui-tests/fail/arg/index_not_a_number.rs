use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(index = "1")] path: &str) {
    let _ = path;
}

fn main() {}

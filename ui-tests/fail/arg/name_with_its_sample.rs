use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg("ip=src")] ip: &str) {
    let _ = ip;
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "lua.reputation")] value: &str) {
    let _ = value;
}

fn main() {}

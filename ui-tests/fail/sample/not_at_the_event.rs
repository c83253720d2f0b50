use spoa::prelude::*;

#[spoe_message("check", event = "on-client-session")]
fn check(#[arg(sample = "path")] value: &str) {
    let _ = value;
}

fn main() {}

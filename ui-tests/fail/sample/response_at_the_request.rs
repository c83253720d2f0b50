use spoa::prelude::*;

#[spoe_message("check", event = "on-frontend-http-request")]
fn check(#[arg(sample = "status")] value: u16) {
    let _ = value;
}

fn main() {}

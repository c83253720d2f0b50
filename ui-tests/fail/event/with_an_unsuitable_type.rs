use spoa::prelude::*;

#[spoe_message("check", event = "on-client-session")]
fn check(ratio: f64) {
    let _ = ratio;
}

fn main() {}

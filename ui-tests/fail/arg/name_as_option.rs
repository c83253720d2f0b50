use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(name = "client-ip")] ip: &str) {
    let _ = ip;
}

fn main() {}

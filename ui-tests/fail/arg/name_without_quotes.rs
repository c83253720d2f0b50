use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(client-ip)] ip: &str) {
    let _ = ip;
}

fn main() {}

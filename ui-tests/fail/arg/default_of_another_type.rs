use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(default = "80")] port: u16) {
    let _ = port;
}

fn main() {}

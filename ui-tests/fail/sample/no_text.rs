use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = src)] ip: std::net::IpAddr) {
    let _ = ip;
}

fn main() {}

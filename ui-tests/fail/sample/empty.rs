use spoa::prelude::*;

#[spoe_message("check")]
fn check(#[arg(sample = "")] ip: std::net::IpAddr) {
    let _ = ip;
}

fn main() {}

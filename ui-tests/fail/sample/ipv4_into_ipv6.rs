use spoa::prelude::*;
use std::net::Ipv6Addr;

#[spoe_message("check")]
fn check(#[arg(sample = "ipv4(192.0.2.7)")] value: Ipv6Addr) {
    let _ = value;
}

fn main() {}

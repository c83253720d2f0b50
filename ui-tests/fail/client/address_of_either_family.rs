use spoa::prelude::*;
use std::net::Ipv4Addr;
#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr_ip(x-client)")] value: Option<Ipv4Addr>) {
    let _ = value;
}

fn main() {}

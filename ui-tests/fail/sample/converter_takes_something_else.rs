use spoa::prelude::*;
use std::net::IpAddr;

#[spoe_message("check")]
fn check(#[arg(sample = "always_true,ipmask(24)")] value: IpAddr) {
    let _ = value;
}

fn main() {}

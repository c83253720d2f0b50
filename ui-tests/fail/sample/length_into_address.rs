use spoa::prelude::*;
use std::net::IpAddr;

#[spoe_message("check")]
fn check(#[arg(sample = "src,ipmask(24),length")] value: IpAddr) {
    let _ = value;
}

fn main() {}

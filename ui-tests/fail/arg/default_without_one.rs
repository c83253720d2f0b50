use spoa::prelude::*;
use std::net::IpAddr;

#[spoe_message("check")]
fn check(#[arg(default)] ip: IpAddr) {
    let _ = ip;
}

fn main() {}

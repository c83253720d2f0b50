use spoa::prelude::*;
use std::net::IpAddr;
#[spoe_message("check")]
fn check(#[arg(sample = "req.hdr(x-forwarded-for)")] value: Option<IpAddr>) {
    let _ = value;
}

fn main() {}

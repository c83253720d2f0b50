use spoa::prelude::*;
use std::net::IpAddr;

#[spoe_message("check")]
fn check(_: IpAddr) {}

fn main() {}

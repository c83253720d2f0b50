use spoa::prelude::*;
use std::net::IpAddr;

#[spoe_message]
fn ip_reputation(ip: IpAddr) -> SetVar<bool> {
    SetVar::session("local", ip.is_loopback())
}

fn main() {}

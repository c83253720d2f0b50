use spoa::prelude::*;

use std::collections::HashSet;
use std::net::IpAddr;

#[spoe_message("check")]
fn check(ip: IpAddr, blocked: &HashSet<IpAddr>) -> SetVar<bool> {
    SetVar::session("blocked", blocked.contains(&ip))
}

fn main() {}

use spoa::prelude::*;
use std::net::IpAddr;

/// Scores a client address: 100 is safe, 0 is hostile.
#[spoe_message("get-ip-reputation")]
fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
}

pub fn main() {
    if std::env::args().count() > 1 {
        spoa::run!()
    }
    assert_eq!(
        ip_reputation(IpAddr::from([127, 0, 0, 1])),
        SetVar::session("ip_score", 100)
    );
}

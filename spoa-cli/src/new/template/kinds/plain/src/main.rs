//! An agent of HAProxy: it scores the address of each client.

use spoa::prelude::*;
use std::net::IpAddr;

/// Scores the address of a client: 100 is known, 0 is unwanted.
#[spoe_message("score-client", event = "on-frontend-http-request")]
fn score_client(#[arg(sample = "src")] ip: IpAddr) -> SetVar<u8> {
    SetVar::transaction("score", score(ip))
}

fn score(ip: IpAddr) -> u8 {
    match ip {
        ip if ip.is_loopback() => 100,
        IpAddr::V4(ip) if ip.is_documentation() => 0,
        _ => 50,
    }
}

fn main() {
    spoa::run!(name = env!("CARGO_PKG_NAME"))
}

#[cfg(test)]
mod tests;

//! An agent with all handlers of the benchmarks, to be loaded from another process.

use spoa::State;
use spoa::http::Headers;
use spoa::prelude::*;
use spoa_benches::handlers::{
    async_1ms, async_ready, check_body, check_request, ignore, inspect, ip_reputation, judge, slow,
    ten_arguments,
};
use std::convert::Infallible;
use std::net::IpAddr;

/// Scores of networks: so large that a reload takes a moment.
struct Scores(Vec<u8>);

impl Scores {
    /// Makes them, as if they had been read from a file.
    fn load() -> Result<Self, Infallible> {
        let hash = |network: u32| (network.wrapping_mul(0x9e37_79b9) >> 25) as u8;
        Ok(Scores((0..1 << 24).map(hash).collect()))
    }
}

/// Looks the network of an address up.
#[spoe_message("look-up")]
fn look_up(ip: IpAddr, State(scores): State<'_, Scores>) -> SetVar<u8> {
    let network = match ip {
        IpAddr::V4(ip) => ip.to_bits() >> 8,
        IpAddr::V6(_) => 0,
    };
    let score = scores.0.get(network as usize).copied().unwrap_or_default();
    SetVar::session("ip_score", score)
}

/// Takes the headers that `inspect` takes, and does nothing with them.
#[spoe_message("take")]
fn take(_headers: Headers<'_>) {}

fn main() {
    spoa::run!(
        listen = "127.0.0.1:12345",
        reload = Scores::load()?,
        handlers = [
            ip_reputation,
            check_request,
            ten_arguments,
            async_ready,
            async_1ms,
            check_body,
            inspect,
            judge,
            slow,
            look_up,
            ignore,
            take
        ]
    )
}

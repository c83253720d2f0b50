//! An agent of HAProxy: it limits the requests of each client.
//!
//! For a limit on one HAProxy, a stick-table needs no agent. An agent is for rules that a stick-table cannot express,
//! and for limits that several HAProxies share.

use spoa::State;
use spoa::http::Verdict;
use spoa::prelude::*;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

#[derive(clap::Args)]
struct Options {
    /// Requests of one client in each minute
    #[arg(long, value_name = "NUMBER", default_value_t = 600)]
    requests: u32,
    /// Clients to count; more of them are not limited
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    clients: usize,
}

spoa::outcomes! {
    /// The decisions of the agent. `config` writes a rule of HAProxy for each line.
    pub struct Decision {
        deny: 429;
    }
}

/// Denies the requests of a client that has sent too many.
#[spoe_message("limit", event = "on-frontend-http-request")]
fn limit(
    #[arg(sample = "src")] ip: IpAddr,
    State(limiter): State<'_, Limiter>,
) -> Verdict<Decision> {
    if limiter.allows(client(ip), Instant::now()) {
        Verdict::allow()
    } else {
        Verdict::deny::<429>().reason("too many requests")
    }
}

/// Returns what is counted: the address, or the network that one client with IPv6 has.
fn client(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(ip) => IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() >> 64 << 64)),
        ip => ip,
    }
}

/// Counts the requests of each client in one minute after the other.
struct Limiter {
    requests: u32,
    clients: usize,
    minute: Mutex<Minute>,
}

struct Minute {
    began: Instant,
    counts: HashMap<IpAddr, u32>,
}

impl Limiter {
    fn new(requests: u32, clients: usize) -> Self {
        let minute = Minute {
            began: Instant::now(),
            counts: HashMap::new(),
        };
        Limiter {
            requests,
            clients,
            minute: Mutex::new(minute),
        }
    }

    /// Counts a request, and returns whether the client may send it.
    fn allows(&self, client: IpAddr, now: Instant) -> bool {
        let mut minute = self.minute.lock().unwrap_or_else(PoisonError::into_inner);
        if now.saturating_duration_since(minute.began) >= Duration::from_secs(60) {
            minute.began = now;
            minute.counts.clear();
        }
        let full = minute.counts.len() >= self.clients;
        if full && !minute.counts.contains_key(&client) {
            return true;
        }
        let count = minute.counts.entry(client).or_default();
        *count = count.saturating_add(1);
        *count <= self.requests
    }
}

fn main() {
    spoa::run!(
        name = env!("CARGO_PKG_NAME"),
        options = Options,
        state = Limiter::new(options.requests, options.clients),
    )
}

#[cfg(test)]
mod tests;

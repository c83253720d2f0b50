//! Limits the requests of an address, a user or an API key, over all agents that use one Redis.

mod limits;
mod store;

use limits::Limits;
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{BadHeader, HeaderSet, Verdict};
use spoa::prelude::*;
use spoa::run::duration;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use store::Store;

/// Longer names share one count, so that a client cannot fill the store.
const MAX_NAME: usize = 128;

#[derive(clap::Args)]
struct Options {
    /// File with the limits
    #[arg(long, value_name = "FILE", default_value = "limits.txt")]
    limits: PathBuf,
    /// Redis that all agents share
    #[arg(long, value_name = "URL", default_value = "redis://127.0.0.1:6379")]
    redis: String,
    /// Time for an answer of Redis
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = duration)]
    redis_timeout: Duration,
    /// Time before Redis is asked again after a failure
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    redis_retry: Duration,
    /// Decision while Redis is away
    #[arg(long, value_name = "POLICY", default_value = "local")]
    without_redis: Policy,
    /// Agents that share a limit when each counts alone
    #[arg(long, value_name = "N", default_value = "1")]
    agents: NonZeroU32,
}

/// The decision while Redis is away.
#[derive(Clone, Copy, clap::ValueEnum)]
enum Policy {
    /// Count in this process, with the share of one agent
    Local,
    /// Let all requests pass
    Allow,
    /// Deny all requests with 503
    Deny,
}

spoa::outcomes! {
    /// The verdicts on a request.
    pub struct RateLimit {
        deny: 429, 503;
        response: set "ratelimit-remaining", set "retry-after";
    }
}

static REQUESTS: Counters<2> = Counters::new(
    "rate_limit_requests",
    "Requests by outcome and store",
    ["outcome", "store"],
);

/// Counts a request for its address, its user and its API key. All of them must have room.
#[spoe_message("rate-limit", event = "on-frontend-http-request", timeout = "1s")]
async fn rate_limit(
    #[arg(sample = "src")] address: IpAddr,
    #[arg(sample = "var(txn.user)")] user: Option<Text<'_>>,
    #[arg(sample = "req.fhdr(x-api-key)")] key: Option<Text<'_>>,
    State(limits): State<'_, Limits>,
    State(store): State<'_, Store>,
    State(options): State<'_, Options>,
) -> Result<Verdict<RateLimit>, BadHeader> {
    let address = network(address).to_string();
    let names = [
        ("address", Some(&*address)),
        ("user", user.as_deref()),
        ("key", key.as_deref()),
    ];
    let keys = names.into_iter().filter_map(|(kind, name)| {
        let name = name?;
        let name = if name.len() > MAX_NAME {
            "(too long)"
        } else {
            name
        };
        let limit = limits.get(kind, name)?;
        // A limit that changes begins a new count.
        Some((format!("rate-limit:{kind}:{name}:{limit}"), limit))
    });
    let keys: Vec<_> = keys.collect();
    if keys.is_empty() {
        return Ok(Verdict::allow());
    }
    let (store, taken) = match (store.take(&keys).await, options.without_redis) {
        (Some(taken), _) => ("redis", Some(taken)),
        (None, Policy::Local) => {
            let taken = store.take_here(&keys, options.agents.get(), Instant::now());
            ("local", Some(taken))
        }
        (None, Policy::Allow) => ("none", Some(Ok(0))),
        (None, Policy::Deny) => ("none", None),
    };
    let (outcome, verdict) = match taken {
        Some(Ok(left)) => {
            let headers = HeaderSet::new().set("ratelimit-remaining", left.to_string())?;
            ("allowed", Verdict::allow().response_headers(headers))
        }
        Some(Err(wait)) => {
            let wait = (wait.as_secs() + 1).to_string();
            let denied = Verdict::deny::<429>().reason("too many requests");
            (
                "denied",
                denied.response_headers(HeaderSet::new().set("retry-after", wait)?),
            )
        }
        None => (
            "denied",
            Verdict::deny::<503>().reason("the limits cannot be checked"),
        ),
    };
    REQUESTS.inc([outcome, store]);
    Ok(verdict)
}

/// Returns what one client can be expected to own: an IPv4 address, or an IPv6 network of 64 bits.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() >> 64 << 64).into()),
        v4 => v4,
    }
}

fn main() {
    spoa::run!(
        options = Options,
        reload = Limits::load(&options.limits)?,
        watch = options.limits,
        state = Store::new(options)?,
    )
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn a_client_cannot_evade_its_limit_within_its_own_network() {
        for (address, counted) in [
            ("192.0.2.7", "192.0.2.7"),
            ("::ffff:192.0.2.7", "192.0.2.7"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ] {
            assert_eq!(network(address.parse().unwrap()).to_string(), counted);
        }
    }
}

//! Limits the requests of an address, a user or an API key, over all agents that use one Redis.

mod store;

use spoa::State;
use spoa::admin::Counters;
use spoa::http::{HeaderSet, Verdict};
use spoa::prelude::*;
use spoa::run::{duration, read_lines};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;
use store::Store;

#[derive(clap::Args)]
struct Options {
    /// File with the limits
    #[arg(long, value_name = "FILE", default_value = "limits.txt")]
    limits: std::path::PathBuf,
    /// Redis that all agents share
    #[arg(long, value_name = "URL", default_value = "redis://127.0.0.1:6379")]
    redis: String,
    /// Time for an answer of Redis, at most 500ms
    #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = duration)]
    redis_timeout: Duration,
    /// Time before Redis is asked again after a failure
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    redis_retry: Duration,
    /// Agents that share a limit while Redis is away, 0 for none
    #[arg(long, value_name = "N", default_value = "1")]
    agents: u32,
}

spoa::outcomes! {
    /// The verdicts on a request.
    pub struct RateLimit {
        deny: 429;
        response: set "ratelimit-remaining", set "retry-after";
    }
}

/// Requests by outcome and by the store that decided.
static REQUESTS: Counters<2> =
    Counters::new("rate_limit_requests", "Requests", ["outcome", "store"]);

/// The kinds of names that are counted.
const KINDS: [&str; 3] = ["address", "user", "key"];

/// At most `count` requests in `time`.
struct Limit {
    count: u32,
    time: Duration,
}

/// Limits by what they limit: `address`, or `address 192.0.2.7`.
type Limits = HashMap<String, Limit>;

/// Counts a request for its address, its user and its API key. All of them must have room.
#[spoe_message("rate-limit", event = "on-frontend-http-request", timeout = "1s")]
async fn rate_limit(
    #[arg(sample = "src")] address: IpAddr,
    #[arg(sample = "var(txn.user)")] user: Option<Text<'_>>,
    #[arg(sample = "req.fhdr(x-api-key)")] key: Option<Text<'_>>,
    State(limits): State<'_, Limits>,
    State(store): State<'_, Store>,
) -> Result<Verdict<RateLimit>, HandlerError> {
    let address = match address.to_canonical() {
        // A client can use each address of its network, which has 64 bits.
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64).to_string(),
        v4 => v4.to_string(),
    };
    let names = [Some(&*address), user.as_deref(), key.as_deref()];
    let keys = KINDS.into_iter().zip(names).filter_map(|(kind, name)| {
        // Long names are cut, so that a client cannot make the store keep long texts.
        let name: String = name?.chars().take(128).collect();
        let own = limits.get(&format!("{kind} {name}"));
        let limit = own.or_else(|| limits.get(kind))?;
        // A limit that changes begins a new count.
        let key = format!("rate-limit:{kind}:{name}:{}/{:?}", limit.count, limit.time);
        Some((key, limit))
    });
    let keys: Vec<_> = keys.collect();
    if keys.is_empty() {
        return Ok(Verdict::allow());
    }
    let (decided_by, (left, wait)) = store.take(&keys).await.ok_or("Redis is away")?;
    let denied = Verdict::deny::<429>().reason("too many requests");
    let verdict = if wait == 0 { Verdict::allow() } else { denied };
    REQUESTS.inc([verdict.outcome().as_str(), decided_by]);
    let headers = HeaderSet::new().set("ratelimit-remaining", left.to_string())?;
    let wait = (wait > 0).then(|| wait.to_string());
    Ok(verdict.response_headers(headers.set_some("retry-after", wait)?))
}

/// Reads a line of the file of limits.
fn entry(line: &str) -> Result<(String, Limit), &'static str> {
    let words: Vec<_> = line.split_whitespace().collect();
    let entry = words.split_last().and_then(|(limit, what)| {
        let (count, time) = limit.split_once('/')?;
        let (count, time) = (count.parse().ok()?, duration(time).ok()?);
        // Redis counts in microseconds, and a request takes at least one.
        let valid = time.checked_div(count)? >= Duration::from_micros(1);
        let known = KINDS.contains(what.first()?);
        (valid && known).then(|| (what.join(" "), Limit { count, time }))
    });
    entry.ok_or("expected `address 100/10s`")
}

fn main() {
    spoa::run!(
        options = Options,
        reload = read_lines::<_, Limits, _>(&options.limits, entry)?,
        watch = options.limits,
        state = Store::new(options)?,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Args as _, FromArgMatches as _};
    use spoa::run::parse_lines;

    fn parse(text: &str) -> Result<Limits, String> {
        parse_lines(text, entry)
    }

    /// Makes the store of an agent that has no Redis.
    pub(crate) fn store(agents: u32) -> Store {
        let command = Options::augment_args(clap::Command::new("rate-limit"));
        let options = [
            "--redis",
            "redis://127.0.0.1:1",
            "--agents",
            &agents.to_string(),
        ];
        let matches = command.get_matches_from(["rate-limit"].iter().chain(&options));
        Store::new(&Options::from_arg_matches(&matches).unwrap()).unwrap()
    }

    /// Asks for the verdict on a request.
    async fn ask(
        limits: &str,
        store: &Store,
        address: &str,
        user: Option<&str>,
    ) -> Verdict<RateLimit> {
        let limits = parse(limits).unwrap();
        let (address, user) = (address.parse().unwrap(), user.map(Text::from));
        rate_limit(address, user, None, State(&limits), State(store))
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn a_client_cannot_evade_its_limit_within_its_own_network() {
        let store = store(1);
        for (address, status) in [
            ("192.0.2.7", None),
            ("::ffff:192.0.2.7", Some(429)),
            ("192.0.2.8", None),
            ("2001:db8:1:2:3:4:5:6", None),
            ("2001:db8:1:2::1", Some(429)),
            ("2001:db8:1:3::1", None),
        ] {
            let verdict = ask("address 1/1h", &store, address, None).await;
            assert_eq!(verdict.status(), status, "{address}");
        }
    }

    #[tokio::test]
    async fn a_name_can_have_its_own_limit_and_others_have_the_common_one() {
        let (text, store) = ("# all\nuser 1/1h\n\nuser batch 2/1h\n", store(1));
        let statuses = |user| {
            let store = &store;
            async move {
                let mut statuses = Vec::new();
                for _ in 0..3 {
                    statuses.push(ask(text, store, "192.0.2.7", user).await.status());
                }
                statuses
            }
        };
        let denied = Some(429);
        assert_eq!(statuses(Some("alice")).await, [None, denied, denied]);
        assert_eq!(statuses(Some("batch")).await, [None, None, denied]);
        // Nothing limits addresses.
        assert_eq!(ask(text, &store, "192.0.2.7", None).await, Verdict::allow());
    }

    #[tokio::test]
    async fn long_names_are_cut() {
        let store = store(1);
        let long = "x".repeat(128);
        for (name, status) in [(&long, None), (&format!("{long}y"), Some(429))] {
            let verdict = ask("user 1/1h", &store, "192.0.2.7", Some(name)).await;
            assert_eq!(verdict.status(), status);
        }
    }

    #[test]
    fn a_mistake_is_named() {
        for line in [
            "address",
            "adress 1/1s",
            "user 0/1s",
            "user 1/0s",
            "user 2000000/1s",
            "key 1",
            "1/1s",
            "key 1/1",
        ] {
            let error = parse(&format!("user 1/1s\n{line}")).err();
            let expected = "line 2: expected `address 100/10s`";
            assert_eq!(error.as_deref(), Some(expected), "{line}");
        }
    }

    #[test]
    fn words_may_be_aligned_with_blanks() {
        let limits = parse("address     1/1s\nuser  batch\t2/1s").unwrap();
        let mut names: Vec<_> = limits.keys().collect();
        names.sort();
        assert_eq!(names, ["address", "user batch"]);
    }

    #[test]
    fn a_time_that_the_handler_does_not_have_is_refused() {
        let command = Options::augment_args(clap::Command::new("rate-limit"));
        let matches = command.get_matches_from(["rate-limit", "--redis-timeout", "501ms"]);
        let error = Store::new(&Options::from_arg_matches(&matches).unwrap()).err();
        assert!(error.unwrap().to_string().contains("--redis-timeout"));
    }

    #[test]
    fn the_file_beside_the_agent_is_read() {
        let limits: Limits = read_lines("limits.txt", entry).unwrap();
        assert_eq!(limits.len(), 5);
    }
}

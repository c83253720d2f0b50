//! Where connections of a proxy of `mode tcp` become HTTP, so that the events of HTTP happen and its rules run.
//! `doctor` depends on it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use spoa::State;
use spoa::prelude::*;
use spoa_tests::{Background, Config, Haproxy, Message as Sent, for_each_haproxy};

#[spoe_message("count")]
fn count(State(asked): State<'_, Arc<AtomicUsize>>) {
    asked.fetch_add(1, Ordering::Relaxed);
}

/// Makes connections HTTP by a rule, and answers them without a backend.
const SWITCH: [&str; 3] = [
    "tcp-request inspect-delay 20s",
    "tcp-request content switch-mode http if HTTP",
    "http-request return status 200",
];

/// Returns how often the agent is asked for one request through proxies of `mode tcp`, with the lines that a test
/// adds.
fn asked(haproxy: &Haproxy, more: impl Fn(Config) -> Config) -> usize {
    let asked = Arc::new(AtomicUsize::new(0));
    let state = Arc::clone(&asked);
    let agent = Background::agent(|agent| agent.handlers(handlers![count]).state(state));
    let config = Config::new(agent.addr())
        .defaults("mode tcp")
        .processing_timeout(Duration::from_secs(20));
    assert_eq!(more(config).start(haproxy).get("/").status, 200);
    asked.load(Ordering::Relaxed)
}

#[test]
fn events_of_http_happen_where_a_backend_or_a_rule_makes_connections_http() {
    for_each_haproxy(|haproxy| {
        for event in [
            "on-frontend-http-request",
            "on-backend-http-request",
            "on-http-response",
        ] {
            let message = |config: Config| config.message(Sent::new("count").event(event));
            assert_eq!(asked(haproxy, message), 0, "{haproxy} {event}");
            let backend = |config| message(config).origin_backend("mode http");
            assert_eq!(asked(haproxy, backend), 1, "{haproxy} {event}");
        }
        let switched = |config: Config| {
            let config = config.message(Sent::new("count"));
            SWITCH.into_iter().fold(config, Config::frontend)
        };
        assert_eq!(asked(haproxy, switched), 1, "{haproxy}");
    });
}

#[test]
fn rules_of_http_run_where_a_backend_or_a_rule_makes_connections_http() {
    for_each_haproxy(|haproxy| {
        let group = |config: Config, keyword: &str| {
            config
                .message(Sent::new("count").only_in_groups())
                .group("counts", &["count"])
                .frontend(&format!("{keyword} send-spoe-group iprep counts"))
        };
        for keyword in ["http-request", "http-response"] {
            let rule = |config| group(config, keyword);
            assert_eq!(asked(haproxy, rule), 0, "{haproxy} {keyword}");
            let backend = |config| rule(config).origin_backend("mode http");
            assert_eq!(asked(haproxy, backend), 1, "{haproxy} {keyword}");
        }
        let switched = |config| {
            let config = group(config, "http-request");
            SWITCH.into_iter().fold(config, Config::frontend)
        };
        assert_eq!(asked(haproxy, switched), 1, "{haproxy}");
    });
}

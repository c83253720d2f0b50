//! An agent without messages does nothing.

mod common;

use common::fixture;
use spoa_tests::{Config, Message, Process, assert_few_switches, for_each_haproxy};
use std::time::Duration;

/// How long the agent is watched.
const WATCHED: Duration = Duration::from_secs(3);

fn start() -> (Process, String) {
    let agent = Process::start(&mut fixture());
    let line = agent.wait_for_line("listening on ");
    agent.wait_for_line("INFO started: ");
    (agent, line.trim_start_matches("listening on ").to_owned())
}

#[test]
fn an_idle_agent_does_not_wake() {
    let (agent, _) = start();
    assert_few_switches(agent.id(), 6, WATCHED);
}

/// A health check is a connection, which costs a few.
#[test]
fn an_idle_haproxy_wakes_an_agent_for_its_health_checks_only() {
    for_each_haproxy(|haproxy| {
        let (agent, address) = start();
        let config = Config::new(&address)
            .message(Message::new("score").args("ip=src"))
            .vars(["sess.iprep.score"])
            .sections(&format!(
                "backend checked\n    mode tcp\n    option spop-check\n    server agent {address} check inter 1s\n"
            ));
        let proxy = config.start(haproxy);
        assert_eq!(proxy.get("/").var("sess.iprep.score"), Some("100"));
        assert_few_switches(agent.id(), 40, WATCHED);
    });
}

//! An agent without messages does nothing.

mod common;

use common::fixture;
use spoa_tests::{Config, Message, Process, for_each_haproxy, voluntary_switches};
use std::time::{Duration, Instant};

/// How long the agent is watched.
const WATCHED: Duration = Duration::from_secs(3);

/// The number of context switches of an idle agent while it is watched.
fn switches(agent: &Process) -> u64 {
    // Its start may take a moment to end.
    std::thread::sleep(Duration::from_secs(1));
    let (start, before) = (Instant::now(), voluntary_switches(agent.id()));
    std::thread::sleep(WATCHED);
    let switches = voluntary_switches(agent.id()) - before;
    println!(
        "{switches} voluntary context switches in {:?}",
        start.elapsed()
    );
    switches
}

/// Watches an agent again if there were too many: a pause of the machine makes the time longer, or the start of the agent
/// is not over. An agent that wakes by itself does so each time.
fn assert_at_most(most: u64, agent: &Process) {
    let mut counts = Vec::new();
    while counts.len() < 4 {
        let count = switches(agent);
        if count <= most {
            return;
        }
        counts.push(count);
    }
    panic!("{counts:?} in {WATCHED:?} each, at most {most} may be");
}

fn start() -> (Process, String) {
    let agent = Process::start(&mut fixture());
    let line = agent.wait_for_line("listening on ");
    agent.wait_for_line("INFO started: ");
    (agent, line.trim_start_matches("listening on ").to_owned())
}

#[test]
fn an_idle_agent_does_not_wake() {
    let (agent, _) = start();
    assert_at_most(6, &agent);
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
        assert_at_most(40, &agent);
    });
}

//! SIGHUP replaces values while the agent serves.

mod common;

use common::{fixture, program};
use spoa::client::{Ack, Client};
use spoa::spop::Value;
use spoa_tests::{PATIENCE, Process, TempDir, eventually, place_of};
use std::time::Duration;

/// An agent whose rules and limit come from files, and a client of it.
async fn start(dir: &TempDir) -> (Process, Client) {
    dir.write("rules", "first");
    dir.write("limit", "1");
    let mut command = program(env!("CARGO_BIN_EXE_agent-reloading"));
    command.env("RULES", dir.join("rules"));
    let agent = Process::start(command.env("LIMIT", dir.join("limit")));
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").to_owned();
    agent.wait_for_line("Wire HAProxy to it");
    let client = Client::options().ack_timeout(PATIENCE).connect(&address);
    (agent, client.await.expect("it listens"))
}

fn var(ack: &Ack, name: &str) -> String {
    let value = ack.get(name).map(ToString::to_string);
    value.unwrap_or_default().trim_matches('"').to_owned()
}

/// Returns the agent's values: the count of questions before, the rules, the limit.
async fn shown(client: &Client) -> [String; 3] {
    let ack = client.send("show", &[]).await.expect("it answers");
    ["txn.calls", "txn.rules", "txn.limit"].map(|name| var(&ack, name))
}

#[tokio::test]
async fn a_hangup_reloads_all_values_or_none() {
    let dir = TempDir::new();
    let (mut agent, client) = start(&dir).await;
    assert_eq!(shown(&client).await, ["0", "first", "1"]);

    dir.write("rules", "second");
    dir.write("limit", "2");
    agent.signal("HUP");
    let line = agent.wait_for_line(" INFO SIGHUP: reloaded in ");
    let parts = ": `reload = Rules(tokio::fs::read_to_string(&rules).await?)`, \
                 `reload = Limit::read(&limit)?`";
    assert!(line.ends_with(parts), "{line}");
    assert_eq!(shown(&client).await, ["1", "second", "2"]);

    // The rules could be made; they wait for the limit all the same.
    dir.write("rules", "third");
    dir.write("limit", "many");
    agent.signal("HUP");
    agent.wait_for_line(
        "ERROR SIGHUP: nothing was reloaded, all old values are kept: `reload = \
         Limit::read(&limit)?` failed: invalid digit found in string",
    );
    assert_eq!(shown(&client).await, ["2", "second", "2"]);

    dir.write("limit", "panic");
    agent.signal("HUP");
    let place = place_of("tests/agents/reloading.rs", "panic!(\"no such luck\")");
    agent.wait_for_line(&format!("failed: panicked: no such luck, at {place}"));
    assert_eq!(shown(&client).await, ["3", "second", "2"]);

    dir.write("limit", "3");
    agent.signal("HUP");
    let reloads = || {
        let lines = agent.output();
        lines
            .iter()
            .filter(|line| line.contains("SIGHUP: reloaded"))
            .count()
    };
    eventually("it is reloaded once more", || reloads() == 2);
    assert_eq!(shown(&client).await, ["4", "third", "3"]);
    agent.signal("TERM");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
}

#[tokio::test]
async fn a_message_in_flight_keeps_the_old_values() {
    let dir = TempDir::new();
    let (agent, client) = start(&dir).await;
    let gate = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a free port");
    let address = gate.local_addr().expect("it is bound").to_string();
    let args = [("gate", Value::from(address.as_str()))];
    let (ack, ()) = tokio::join!(client.send("gated", &args), async {
        let inside = gate.accept().await.expect("a handler comes");
        dir.write("rules", "second");
        agent.signal("HUP");
        agent.wait_for_line("SIGHUP: reloaded in ");
        assert_eq!(shown(&client).await, ["0", "second", "1"]);
        drop(inside);
    });
    assert_eq!(var(&ack.expect("it is answered"), "txn.rules"), "first");
}

#[tokio::test]
async fn a_hangup_does_not_end_an_agent_with_nothing_to_reload() {
    let mut agent = Process::start(&mut fixture());
    agent.wait_for_line("listening on ");
    agent.signal("HUP");
    agent.wait_for_line(
        " INFO SIGHUP: nothing to reload: in `run!`, write `reload = …` instead of `state = …` for a value that \
         SIGHUP makes again",
    );
    assert!(agent.wait_at_most(Duration::ZERO).is_none());
}

#[test]
fn a_first_value_that_cannot_be_made_is_a_start_up_error() {
    let mut command = program(env!("CARGO_BIN_EXE_agent-reloading"));
    command
        .env("RULES", "/nonexistent/rules")
        .env("LIMIT", "/nonexistent/limit");
    let said = common::said(&mut command);
    assert_eq!(said.status, Some(1));
    assert_eq!(
        said.err,
        "error: `reload = Rules(tokio::fs::read_to_string(&rules).await?)` failed: No such file or \
         directory (os error 2)\n"
    );
}

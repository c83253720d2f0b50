//! SIGHUP replaces values while the agent serves. `tests/long reload` does so 10,000 times under load.

mod common;

use common::{fixture, program};
use spoa::client::{Ack, Client};
use spoa::spop::Value;
use spoa_tests::{
    Figures, PATIENCE, Process, TempDir, Vitals, bounded_or_long, eventually, long, place_of,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// An agent whose rules and limit come from files, and a client of it.
async fn start(dir: &TempDir) -> (Process, Client) {
    start_with(dir, "first").await
}

/// The agent with these rules.
async fn start_with(dir: &TempDir, rules: &str) -> (Process, Client) {
    dir.write("rules", rules);
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

/// The load: connections, and the messages in flight on each.
const LOAD: (usize, usize) = (4, 8);

/// Sends messages until it is over; each has an answer with values of one reload, and none of an earlier one than
/// before.
async fn watch_values(client: Client, over: Arc<AtomicBool>, answers: Arc<AtomicU64>) {
    let mut last = 1;
    while !over.load(Ordering::Relaxed) {
        let [_, rules, limit] = shown(&client).await;
        assert_eq!(rules, limit, "values of two reloads");
        let number: u64 = limit.parse().expect("a number");
        assert!(number >= last, "{number} after {last}");
        last = number;
        answers.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reloads_under_load_lose_no_answer_and_no_memory() {
    let reloads = bounded_or_long(100, 10_000);
    let dir = TempDir::new();
    let (agent, client) = start_with(&dir, "1").await;
    let (over, answers) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
    let mut load = JoinSet::new();
    let address = agent.wait_for_line("listening on ");
    let address = address.trim_start_matches("listening on ");
    for _ in 0..LOAD.0 {
        let client = Client::options().ack_timeout(PATIENCE).connect(address);
        let client = client.await.expect("it listens");
        for _ in 0..LOAD.1 {
            load.spawn(watch_values(client.clone(), over.clone(), answers.clone()));
        }
    }
    let (begin, mut memory) = (Instant::now(), Vec::new());
    for number in 2..=reloads + 1 {
        for name in ["rules", "limit"] {
            dir.write(name, &number.to_string());
        }
        agent.signal("HUP");
        let asked = Instant::now();
        while shown(&client).await[2] != number.to_string() {
            assert!(asked.elapsed() < PATIENCE, "reload {number} does not come");
            let ended = load.try_join_next();
            assert!(ended.is_none(), "some of the load has ended: {ended:?}");
        }
        memory.push(Vitals::of(agent.id()).memory as f64 / f64::from(1 << 20));
    }
    over.store(true, Ordering::Relaxed);
    while let Some(ended) = load.join_next().await {
        ended.expect("every message has its answer");
    }
    let quarter = memory.len() / 4;
    let mean = |part: &[f64]| part.iter().sum::<f64>() / part.len() as f64;
    let (second, last) = (
        mean(&memory[quarter..2 * quarter]),
        mean(&memory[3 * quarter..]),
    );
    const COLUMNS: &[&str] = &[
        "reloads",
        "seconds",
        "answers",
        "RSS in MiB, second quarter",
        "last quarter",
    ];
    let seconds = begin.elapsed().as_secs_f64();
    Figures::of("reload", COLUMNS).row(&[
        reloads.to_string(),
        format!("{seconds:.0}"),
        answers.load(Ordering::Relaxed).to_string(),
        format!("{second:.1}"),
        format!("{last:.1}"),
    ]);
    assert!(answers.load(Ordering::Relaxed) >= (LOAD.0 * LOAD.1) as u64);
    if long() {
        assert!(
            last <= second * 1.05 + 1.0,
            "the memory grew from {second:.1} to {last:.1} MiB"
        );
    }
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

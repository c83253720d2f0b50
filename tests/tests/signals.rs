//! How an agent stops: SIGTERM drains it, a second signal ends it at once; signals while it starts; and the lines of
//! its log.

mod common;

use common::{fixture, program};
use spoa::client::{Client, Error as ClientError};
use spoa::spop::{Status, Value};
use spoa_tests::{PATIENCE, Process, TempDir, eventually, place_of};
use std::fs;
use std::net::SocketAddr;
use std::os::unix::process::ExitStatusExt;
use std::process::Command;
use tokio::io::AsyncWriteExt;
use tokio::net::unix::pipe;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

/// An agent whose handlers have all the time they want, and a client of it.
async fn start(args: &[&str]) -> (Process, SocketAddr, Client) {
    let agent = Process::start(fixture().args(["--handler-timeout", "none"]).args(args));
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").to_owned();
    agent.wait_for_line("Wire HAProxy to it");
    let client = Client::options().ack_timeout(PATIENCE).connect(&address);
    let client = client.await.expect("it listens");
    (agent, address.parse().expect("an address"), client)
}

/// Returns the log of an agent that has stopped.
fn whole_log(agent: &Process) -> Vec<String> {
    // Its output may still be on its way.
    agent.wait_for_line(" INFO stopped");
    let mut lines = agent.output();
    lines.retain(|line| {
        line.starts_with(' ') && !line.starts_with("  ") || line.starts_with("ERROR")
    });
    lines
}

/// Makes a handler wait: it connects here, and returns when the connection is closed.
struct Gate(TcpListener);

impl Gate {
    async fn new() -> Gate {
        Gate(TcpListener::bind("127.0.0.1:0").await.expect("a free port"))
    }

    fn address(&self) -> String {
        self.0.local_addr().expect("it is bound").to_string()
    }

    /// Returns when a handler runs.
    async fn entered(&self) -> TcpStream {
        let accepted = timeout(PATIENCE, self.0.accept()).await;
        accepted.expect("a handler comes").expect("and is let in").0
    }
}

#[tokio::test]
async fn sigterm_finishes_the_notifys_in_flight_and_sends_disconnect() {
    // SIGUSR1 is HAProxy's own soft stop.
    for signal in ["TERM", "INT", "USR1"] {
        let (mut agent, address, client) = start(&[]).await;
        let gate = Gate::new().await;
        let gate_address = gate.address();
        let args = [("gate", Value::from(gate_address.as_str()))];
        let (ack, ()) = tokio::join!(client.send("gated", &args), async {
            let inside = gate.entered().await;
            agent.signal(signal);
            agent.wait_for_line(&format!(
                "SIG{signal}: draining: no new connections; NOTIFYs in flight have 10s to finish; a \
                 second signal exits at once"
            ));
            eventually("nobody new is let in", || {
                std::net::TcpStream::connect(address).is_err()
            });
            assert!(agent.is_running());
            drop(inside);
        });
        let ack = ack.expect("it was in flight");
        assert_eq!(
            ack.get("txn.passed").map(ToString::to_string),
            Some("true".to_owned())
        );
        // The agent's DISCONNECT is the reason that the next message is not sent.
        let disconnect = timeout(PATIENCE, async {
            loop {
                if let Err(error) = client.send("echo", &[]).await {
                    break error;
                }
            }
        });
        let disconnect = disconnect.await.expect("it does not serve for ever");
        assert!(
            matches!(
                disconnect,
                ClientError::Disconnected {
                    status: Status::NORMAL,
                    ..
                }
            ),
            "{disconnect}"
        );
        assert_eq!(agent.wait(PATIENCE).code(), Some(0));
        agent.wait_for_line(" INFO stopped");
    }
}

#[tokio::test]
async fn a_second_signal_exits_at_once() {
    for (second, status) in [("TERM", 143), ("INT", 130), ("USR1", 138)] {
        // The only thread of the agent is in a handler that is not done.
        let (mut agent, _, client) = start(&["--workers", "1"]).await;
        let gate = Gate::new().await;
        let gate_address = gate.address();
        let args = [("gate", Value::from(gate_address.as_str()))];
        let (ack, _inside) = tokio::join!(client.send("stuck", &args), async {
            let inside = gate.entered().await;
            agent.signal("TERM");
            agent.wait_for_line("SIGTERM: draining");
            agent.signal(second);
            assert_eq!(agent.wait(PATIENCE).code(), Some(status));
            agent.wait_for_line(&format!("WARN SIG{second}: exiting at once"));
            inside
        });
        assert!(matches!(ack, Err(ClientError::Lost)), "{ack:?}");
    }
}

#[tokio::test]
async fn draining_ends_when_its_time_is_up() {
    let (mut agent, _, client) = start(&["--drain-timeout", "50ms"]).await;
    let gate = Gate::new().await;
    let gate_address = gate.address();
    let args = [("gate", Value::from(gate_address.as_str()))];
    let (ack, _inside) = tokio::join!(client.send("gated", &args), async {
        let inside = gate.entered().await;
        agent.signal("TERM");
        assert_eq!(agent.wait(PATIENCE).code(), Some(0));
        agent.wait_for_line(
            "WARN 1 connection was not done within 50ms and was closed; find the handler that takes \
             so long, or raise `--drain-timeout`",
        );
        // The handler had all the time it wanted.
        agent.wait_for_line(
            "handler `gated` failed: timed out: not done within the 50ms that the agent waits when it \
             stops; make it faster, or have the agent wait longer with `--drain-timeout`",
        );
        inside
    });
    let ack = ack.expect("it is answered all the same");
    assert!(ack.actions.is_empty(), "{ack:?}");
    let disconnect = client.send("echo", &[]).await;
    assert!(
        matches!(
            disconnect,
            Err(ClientError::Disconnected {
                status: Status::NORMAL,
                ..
            })
        ),
        "{disconnect:?}"
    );
}

#[tokio::test]
async fn a_panic_is_one_line_with_its_place_and_all_ids() {
    let (mut agent, _, client) = start(&[]).await;
    let ack = client
        .send("panic", &[])
        .await
        .expect("every NOTIFY is answered");
    assert!(ack.actions.is_empty());
    let fine = client
        .send("echo", &[("n", Value::Int64(1))])
        .await
        .expect("it lives on");
    assert_eq!(fine.actions.len(), 1);
    agent.signal("TERM");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
    let said = whole_log(&agent);
    let lines: Vec<_> = said
        .iter()
        .filter(|line| line.contains("no such luck"))
        .collect();
    let [line] = lines.as_slice() else {
        panic!("{said:#?}");
    };
    let place = place_of("tests/agents/fixture.rs", "panic!(\"no such luck\")");
    assert!(
        line.starts_with(&format!(
            " WARN spoa::failures: handler `panics` failed: panicked: no such luck, at {place} \
             peer=127.0.0.1:"
        )),
        "{line}"
    );
    assert!(
        line.ends_with(
            " engine=\"spoa-client\" stream=1 frame=1 spoe_message=panic \
             handler=\"agent_fixture::panics\""
        ),
        "{line}"
    );
}

#[tokio::test]
async fn a_healthy_agent_logs_nothing() {
    let (mut agent, _, client) = start(&[]).await;
    client.send("echo", &[]).await.expect("it answers");
    client.close().await.expect("it sends a DISCONNECT");
    agent.signal("TERM");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
    let said = whole_log(&agent);
    assert_eq!(said.len(), 3, "only that it starts and stops: {said:#?}");
    assert!(
        said[0].starts_with(" INFO started: fixture 0.1.0 serves 127.0.0.1:"),
        "{said:#?}"
    );
}

#[tokio::test]
async fn a_message_without_a_handler_is_one_line_that_says_what_to_do() {
    let (mut agent, _, client) = start(&[]).await;
    for _ in 0..3 {
        let ack = client.send("scroe", &[]).await;
        assert!(ack.expect("every NOTIFY is answered").actions.is_empty());
    }
    agent.signal("TERM");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
    let said = whole_log(&agent);
    let warned: Vec<_> = said.iter().filter(|line| line.contains("WARN")).collect();
    // Two only if a second ended between them.
    assert!((1..=2).contains(&warned.len()), "{said:#?}");
    let text = " WARN no handler for message `scroe` (did you mean `score`?): this agent answers \
                `echo`, `gated`, `greet`, `move`, `never`, `panic`, `refuse`, `score`, `stuck`; \
                correct its name in spoe.conf, or add `#[spoe_message(\"scroe\")]` or \
                `#[spoe_fallback]`; handlers of another crate need `use that_crate as _;` \
                peer=127.0.0.1:";
    assert!(warned[0].starts_with(text), "{said:#?}");
}

#[tokio::test]
async fn a_misspelt_environment_variable_causes_a_warning() {
    let agent = Process::start(fixture().env("SPOA_MAX_CONECTIONS", "5"));
    agent.wait_for_line(
        "WARN environment variable `SPOA_MAX_CONECTIONS` is not an option and is ignored: did you \
         mean `SPOA_MAX_CONNECTIONS`?",
    );
}

#[tokio::test]
async fn a_second_run_drains_like_the_first() {
    let mut agent = Process::start(&mut program(env!("CARGO_BIN_EXE_agent-twice")));
    let listens = |agent: &Process| {
        let output = agent.output();
        let all = output
            .iter()
            .filter(|line| line.starts_with("listening on "));
        all.cloned().collect::<Vec<_>>()
    };
    for run in 1..=2 {
        eventually("it listens", || listens(&agent).len() == run);
        let line = listens(&agent).remove(run - 1);
        let client = Client::connect(line.trim_start_matches("listening on ")).await;
        let ack = client.expect("it listens").send("ping", &[]).await;
        assert!(ack.expect("it answers").get("txn.pong").is_some());
        let drains = |agent: &Process| {
            let output = agent.output();
            output
                .iter()
                .filter(|line| line.contains("SIGTERM: draining"))
                .count()
        };
        agent.signal("TERM");
        eventually("it drains", || drains(&agent) == run);
    }
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
    eventually("it has stopped twice", || {
        let output = agent.output();
        let stopped = output.iter().filter(|line| line.contains("INFO stopped"));
        stopped.count() == 2
    });
}

#[tokio::test]
async fn the_signal_that_reloads_haproxys_master_does_not_end_an_agent() {
    let (mut agent, _, client) = start(&[]).await;
    agent.signal("USR2");
    agent.wait_for_line(
        " INFO SIGUSR2: ignored: it reloads HAProxy's master process; an agent is reloaded by SIGHUP \
         and stopped by SIGTERM",
    );
    client.send("echo", &[]).await.expect("it serves on");
    agent.signal("TERM");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
}

/// Starts an agent, and returns when it loads its rules. They come from the pipe that is returned.
fn start_until_it_loads(dir: &TempDir) -> (Process, pipe::Sender) {
    let rules = dir.join("rules");
    let made = Command::new("mkfifo").arg(&rules).status();
    assert!(made.is_ok_and(|status| status.success()));
    let limit = dir.write("limit", "1");
    let mut command = program(env!("CARGO_BIN_EXE_agent-reloading"));
    let agent = Process::start(command.env("RULES", &rules).env("LIMIT", limit));
    let mut pipe = None;
    eventually("the agent opens the pipe", || {
        pipe = pipe::OpenOptions::new().open_sender(&rules).ok();
        pipe.is_some()
    });
    (agent, pipe.expect("it is open"))
}

#[tokio::test]
async fn a_reload_that_is_asked_for_while_the_agent_starts_comes_when_it_serves() {
    let dir = TempDir::new();
    let (agent, mut pipe) = start_until_it_loads(&dir);
    agent.signal("HUP");
    agent.signal("USR2");
    agent.wait_for_line(" INFO SIGUSR2: ignored: ");
    fs::remove_file(dir.join("rules")).expect("it is there");
    dir.write("rules", "second");
    pipe.write_all(b"first").await.expect("the agent reads");
    drop(pipe);
    let line = agent.wait_for_line("listening on ");
    agent.wait_for_line(" INFO SIGHUP: reloaded in ");
    let client = Client::connect(line.trim_start_matches("listening on ")).await;
    let ack = client.expect("it listens").send("show", &[]).await;
    let ack = ack.expect("it answers");
    let rules = ack.get("txn.rules").map(ToString::to_string);
    assert_eq!(rules.as_deref(), Some("\"second\""));
}

#[tokio::test]
async fn a_signal_that_stops_an_agent_ends_it_at_once_while_it_starts() {
    // Not SIGINT: a shell without job control has its background jobs ignore it, and so do the agents of a test there.
    for (signal, number) in [("TERM", 15), ("USR1", 10)] {
        let dir = TempDir::new();
        let (mut agent, _pipe) = start_until_it_loads(&dir);
        agent.signal(signal);
        assert_eq!(agent.wait(PATIENCE).signal(), Some(number), "{signal}");
    }
}

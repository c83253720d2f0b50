//! The log of `run!` shows texts that a client chose, and panics, as whole records, each on one
//! line.

mod common;

use common::{Said, program, said};
use spoa::client::Client;
use spoa::spop::Value;
use spoa_tests::{PATIENCE, Process, place_of};
use std::process::Command;

const PROGRAM: &str = env!("CARGO_BIN_EXE_agent-log-injection");

async fn start(command: &mut Command) -> (Process, Client) {
    let agent = Process::start(command);
    let line = agent.wait_for_line("listening on ");
    agent.wait_for_line("Wire HAProxy to it");
    let client = Client::connect(line.trim_start_matches("listening on ")).await;
    (agent, client.expect("it listens"))
}

/// Stops the agent; returns the lines it logged since it was ready.
fn records(agent: &mut Process) -> Vec<String> {
    agent.wait_for_line("INFO started");
    agent.signal("TERM");
    assert_eq!(agent.wait(PATIENCE).code(), Some(0));
    agent.wait_for_line(" INFO stopped");
    let mut lines = agent.output();
    // Standard output and standard error are read side by side.
    let ready = ["INFO started", "Wire HAProxy to it"];
    let last = lines
        .iter()
        .rposition(|line| ready.iter().any(|text| line.contains(text)));
    lines.split_off(last.map_or(0, |last| last + 1))
}

/// Whether a line begins as every record does.
fn is_record(line: &str) -> bool {
    ["TRACE ", "DEBUG ", " INFO ", " WARN ", "ERROR "]
        .iter()
        .any(|level| line.starts_with(level))
}

#[tokio::test]
async fn a_client_cannot_write_its_own_log_line() {
    let forged = "2026-11-28T00:00:00Z ERROR forged";
    let breaks = [
        "\n",
        "\r\n",
        "\r",
        "\u{2028}",
        "\u{2029}",
        "\u{85}",
        "\u{b}\u{c}",
    ];
    let args = ["--log", "trace"];
    let (mut agent, client) = start(program(PROGRAM).args(args)).await;
    for message in ["error", "panic", "task", "own-line", "echo", "strangers"] {
        for line_break in breaks {
            let who = format!("x{line_break}{forged}{line_break}\u{1b}[2K\u{202e}y{line_break}");
            let name = format!("who{line_break}{forged}");
            let message = match message {
                "strangers" => format!("{message}{line_break}{forged}"),
                _ => message.to_owned(),
            };
            let args = [("who", Value::from(who.as_str())), (&name, Value::Int64(1))];
            let ack = client.send(&message, &args).await;
            ack.expect("every NOTIFY is answered");
        }
    }
    client.close().await.expect("it sends a DISCONNECT");
    let records = records(&mut agent);
    for line in &records {
        assert!(is_record(line), "not a record: {line:?}\n{records:#?}");
        let breaks_out = |c: char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c);
        assert!(!line.contains(breaks_out), "{line:?}");
    }
    let count = |text: &str| records.iter().filter(|line| line.contains(text)).count();
    // One a second for each cause; the second may change meanwhile.
    let few = |text: &str| {
        let lines = count(text);
        assert!((1..=2).contains(&lines), "{lines} of {text}: {records:#?}");
    };
    for text in [
        "handler `error` failed: no user x\\n2026",
        "handler `panics` failed: panicked: no user x\\n2026",
        "`on_failure` failed: no user x\\n2026",
        "no handler for message `strangers\\n2026",
    ] {
        few(text);
    }
    few("` panicked: no user x");
    assert_eq!(
        count("WARN agent_log_injection: user x"),
        breaks.len(),
        "{records:#?}"
    );
    assert_eq!(count("ACK set-var txn.who = "), breaks.len());
}

#[tokio::test]
async fn an_error_that_cannot_be_shown_or_dropped_loses_only_its_own_answer() {
    for variable in [None, Some("1"), Some("full")] {
        let mut command = program(PROGRAM);
        if let Some(value) = variable {
            command.env("RUST_BACKTRACE", value);
        }
        let (mut agent, client) = start(&mut command).await;
        let (innocent, quota, sticky) = tokio::join!(
            client.send("innocent", &[]),
            client.send("quota", &[]),
            client.send("sticky", &[]),
        );
        let innocent = innocent.expect("a neighbour is not affected");
        assert_eq!(innocent.actions.len(), 1);
        assert!(quota.expect("it is answered").actions.is_empty());
        assert!(sticky.expect("it is answered").actions.is_empty());
        if variable == Some("full") {
            agent.wait_for_line("backtrace of the panic, at ");
            agent.wait_for_line("log_injection::");
        }
        let records = records(&mut agent);
        let place = division();
        let text = format!(
            "an error whose text cannot be shown: its `Display` panicked: attempt to divide by \
             zero, at {place}"
        );
        let line = format!(" WARN spoa::failures: handler `quota` failed: {text} peer=");
        let lines = |text: &str| records.iter().filter(|line| line.contains(text)).count();
        assert_eq!(lines(&line), 1, "{records:#?}");
        assert_eq!(lines("handler `sticky` failed: sticky peer="), 1);
        let dropped = "` panicked: does not come off, at tests/agents/log_injection.rs:";
        assert_eq!(lines(dropped), 1, "{records:#?}");
        // Two failures, one of `on_failure`, one panic outside of handlers.
        let troubles = records
            .iter()
            .filter(|line| is_record(line) && !line.contains(" INFO "));
        // One more of `on_failure` if a second passed between the two.
        let of_on_failure = lines("`on_failure` failed: ");
        assert!((1..=2).contains(&of_on_failure), "{records:#?}");
        assert_eq!(troubles.count(), 3 + of_on_failure, "{records:#?}");
        if variable != Some("full") {
            assert!(records.iter().all(|line| is_record(line)), "{records:#?}");
        }
    }
}

/// Returns the place of the division by zero in the agent.
fn division() -> String {
    place_of(
        "tests/agents/log_injection.rs",
        "self.used * 100 / self.limit",
    )
}

#[test]
fn call_reports_an_error_that_cannot_be_shown() {
    let Said { status, out, err } = said(program(PROGRAM).args(["call", "quota"]));
    assert_eq!((status, out.as_str()), (Some(1), ""));
    let last = err.lines().last().unwrap_or_default();
    assert_eq!(
        last,
        format!(
            "error: an error whose text cannot be shown: its `Display` panicked: attempt to divide \
             by zero, at {}",
            division()
        )
    );
    let Said { status, err, .. } = said(program(PROGRAM).args(["call", "sticky"]));
    assert_eq!(status, Some(1));
    assert_eq!(err.lines().last(), Some("error: sticky"), "{err}");
}

#[test]
fn call_escapes_control_characters() {
    for (message, status) in [("error", 1), ("echo", 0)] {
        let who = "who=x\u{1b}[2J\ny\u{9b}2J";
        let said = said(program(PROGRAM).args(["call", message, who]));
        assert_eq!(said.status, Some(status));
        let printed = [said.out.trim_end(), said.err.trim_end()].concat();
        let last = printed.lines().last().unwrap_or_default();
        assert!(last.contains("x\\u{1b}[2J\\ny\\u{9b}2J"), "{printed:?}");
        assert!(
            printed.lines().all(|line| !line.contains(char::is_control)),
            "{printed:?}"
        );
    }
}

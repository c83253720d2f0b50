//! Checks the filters that `--log` takes, and the lines of the log.

mod common;

use common::{Said, fixture, said};
use spoa::client::Client;
use spoa::spop::Value;
use spoa_tests::Process;

const LEVELS: &str = "`off`, `error`, `warn`, `info`, `debug` or `trace`";

#[test]
fn an_unknown_level_is_not_read_as_a_target_without_lines() {
    for (filter, problem) in [
        ("warning", "`warning` is not a level: write `warn`, or `warning=info` if it is a target".to_owned()),
        ("inof", "`inof` is not a level: write `info`, or `inof=info` if it is a target".to_owned()),
        ("err", "`err` is not a level: write `error`, or `err=info` if it is a target".to_owned()),
        ("verbose", format!("`verbose` is not a level: write {LEVELS}, or `verbose=info` if it is a target")),
        ("info,foo", format!("`foo` is not a level: write {LEVELS}, or `foo=info` if it is a target")),
        (
            "info debug",
            format!("`info debug` is not a level: write {LEVELS}"),
        ),
        ("", format!("the level is missing: write {LEVELS}")),
        ("info,", format!("the level is missing: write {LEVELS}")),
        (
            "info,spoa::values=",
            format!("the level is missing: write {LEVELS}"),
        ),
        (
            "spoa=warning",
            "`warning` is not a level: write `warn`".to_owned(),
        ),
        (
            "spoa::values",
            "`spoa::values` is not a level: write `spoa::values=trace`, or another level".to_owned(),
        ),
        (
            "=info",
            "the target is missing: write for instance `spoa=info`".to_owned(),
        ),
        (
            "info,spoa::vlaues=trace",
            "no line has the target `spoa::vlaues`: write `spoa::values`".to_owned(),
        ),
        (
            "info,spoa::handshake=trace",
            "no line has the target `spoa::handshake`: write `spoa`, `spoa::connection`, `spoa::failures`, \
             `spoa::spans` or `spoa::values`"
                .to_owned(),
        ),
    ] {
        let expected = Said {
            status: Some(2),
            out: String::new(),
            err: format!(
                "error: invalid value '{filter}' for '--log <FILTER>': {problem}\n\n\
                 For more information, try '--help'.\n"
            ),
        };
        // An agent that takes it would serve for ever.
        let listed = said(fixture().args(["call", "greet", "--log", filter]));
        assert_eq!(listed, expected);
    }
    let listed = said(fixture().env("SPOA_LOG", "warning").args(["call", "greet"]));
    assert_eq!(listed.status, Some(2));
    assert!(
        listed.err.starts_with(
            "error: invalid value 'warning' of the environment variable SPOA_LOG: `warning` is not \
             a level: write `warn`, or `warning=info` if it is a target\n"
        ),
        "{}",
        listed.err
    );
}

#[test]
fn levels_and_targets_are_taken_in_any_order() {
    for filter in [
        "WARN",
        "off, error",
        "spoa=debug,info",
        "warn,spoa::failures=off,my_agent::db=trace",
        "spoa::connection=debug",
    ] {
        let answer = said(fixture().args(["call", "echo", "--log", filter]));
        assert_eq!(answer.status, Some(0), "{filter}: {}", answer.err);
    }
}

#[test]
fn the_help_names_the_targets_and_says_that_rust_log_is_not_read() {
    let help = said(fixture().arg("--help")).out;
    for words in [
        "spoa::connection",
        "spoa::values",
        "spoa::failures",
        "RUST_LOG is not read",
    ] {
        assert!(help.contains(words), "no `{words}` in:\n{help}");
    }
    let answer = said(fixture().env("RUST_LOG", "trace").args(["call", "greet"]));
    assert_eq!(answer.err, "");
}

/// Runs an agent with this log, asks `echo` and `refuse`, and returns a line with this in it.
async fn line(filter: &str, text: &str) -> String {
    let agent = Process::start(fixture().args(["--log", filter]));
    let address = agent.wait_for_line("listening on ");
    agent.wait_for_line("Wire HAProxy to it");
    let client = Client::connect(address.trim_start_matches("listening on "));
    let client = client.await.expect("it listens");
    for message in ["echo", "refuse"] {
        let ack = client.send(message, &[("n", Value::Int64(443))]).await;
        ack.expect("every NOTIFY is answered");
    }
    agent.wait_for_line(text)
}

#[test]
fn every_line_of_a_json_log_is_an_object() {
    let bad = said(fixture().args(["call", "greet", "--log-format", "xml"]));
    assert_eq!(bad.status, Some(2));
    assert!(bad.err.contains("write `text` or `json`"), "{}", bad.err);
    let args = ["call", "refuse", "=443", "--log-format=json", "--log=info"];
    let called = said(fixture().args(args));
    let lines: Vec<_> = called
        .err
        .lines()
        .filter(|line| !line.starts_with("error: "))
        .collect();
    assert!(!lines.is_empty(), "{}", called.err);
    for line in lines {
        let record: serde_json::Value = serde_json::from_str(line).expect(line);
        for key in ["timestamp", "level", "target", "message"] {
            assert!(record[key].is_string(), "no `{key}` in {line}");
        }
    }
}

#[tokio::test]
async fn a_line_shows_its_target_if_a_filter_can_name_it() {
    let page = include_str!("../../docs/operations/values.md");
    for (text, shown) in [
        (
            "NOTIFY echo",
            "TRACE spoa::values: NOTIFY echo n=443; peer=",
        ),
        (
            "ACK set-var",
            "TRACE spoa::values: ACK set-var txn.n = 443; peer=",
        ),
        (
            "failed",
            " WARN spoa::failures: handler `refuse` failed: the database is down ",
        ),
    ] {
        let line = line("info,spoa::values=trace", text).await;
        assert!(line.starts_with(shown), "{line}");
        let words = shown.split(' ').filter(|word| word.contains("spoa::"));
        for word in words {
            assert!(
                page.contains(word.trim_end_matches(':')),
                "`{word}` is not in values.md"
            );
        }
    }
    let started = line("info", "started").await;
    assert!(started.starts_with(" INFO started: "), "{started}");
}

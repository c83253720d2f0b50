//! The values of a program are dropped once, where they may block, before the program ends.

mod common;

use common::{Said, program, said};
use spoa_tests::Process;
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-owning"))
}

/// Returns the values that were dropped, in alphabetical order, and asserts that nothing panicked.
#[track_caller]
fn dropped<'l>(lines: impl Iterator<Item = &'l str>) -> Vec<&'l str> {
    let mut dropped = Vec::new();
    for line in lines {
        assert!(!line.contains("panicked"), "{line}");
        let value = line.strip_prefix("dropped ");
        dropped.extend(value.map(|value| {
            let value = value.strip_suffix(" in the runtime");
            value.unwrap_or_else(|| panic!("{line}"))
        }));
    }
    dropped.sort_unstable();
    dropped
}

const ALL: [&str; 3] = ["the observer", "the rules", "the state"];

#[test]
fn values_with_a_runtime_of_their_own_are_dropped_by_each_command_and_each_error() {
    for (args, status) in [
        (&["check"][..], 0),
        (&["check", "--tls-cert=/nowhere/cert.pem"], 1),
        (&["call", "show"], 0),
        (&["call", "unknown"], 2),
        (&["--listen=unix@/nowhere/socket"], 1),
        (&["--admin=192.0.2.1:1"], 1),
    ] {
        let said = said(agent().args(args));
        assert_eq!(said.status, Some(status), "{args:?}: {said:?}");
        assert_eq!(dropped(said.err.lines()), ALL, "{args:?}: {said:?}");
    }
}

#[test]
fn values_are_dropped_when_others_cannot_be_made() {
    for (fails, values) in [
        ("the observer", &["the state"][..]),
        ("the rules", &["the observer", "the state"]),
    ] {
        for command in ["check", "serve"] {
            let Said { status, err, .. } = said(agent().arg(command).env("FAILS", fails));
            assert_eq!(status, Some(1), "{err}");
            assert_eq!(dropped(err.lines()), values, "{err}");
        }
    }
}

#[test]
fn values_are_dropped_before_the_program_ends() {
    for slow in [false, true] {
        stop(slow);
    }
}

/// Stops an agent, whose drops need the runtime and may each take longer than work that blocks may.
fn stop(slow: bool) {
    let mut agent = agent();
    if slow {
        agent.env("SLOW", "1");
    }
    let mut agent = Process::start(agent.args(["--admin=127.0.0.1:0", "--workers=2"]));
    // A scraper that keeps its connection.
    let line = agent.wait_for_line("metrics, health and a page at ");
    let admin = line.rsplit(' ').next().expect("it has an address");
    let _scraper = TcpStream::connect(admin).expect("it listens");
    agent.wait_for_line("Wire HAProxy to it");
    agent.signal("HUP");
    agent.wait_for_line("SIGHUP: reloaded in ");
    agent.wait_for_line("dropped the rules");
    agent.signal("TERM");
    assert!(agent.wait(Duration::from_secs(20)).success());
    agent.wait_for_line(" INFO stopped");
    let output = agent.output();
    let all = ["the observer", "the rules", "the rules", "the state"];
    let lines = output.iter().map(String::as_str);
    assert_eq!(dropped(lines), all, "{output:#?}");
}

//! Where the commands print to: a disk that is full, a reader that has seen enough.

use super::again_if;
use super::agent::agent;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};

/// The commands, each with something to print.
fn commands(agent: &str) -> Vec<Vec<&str>> {
    vec![
        vec!["decode", "0000000767000000010101"],
        vec!["explain", "257"],
        vec!["call", agent, "get-ip-reputation", "ip=127.0.0.1"],
        vec!["probe", agent],
        vec!["probe", agent, "--json"],
        vec!["bench", agent, "-d", "1s", "--warm-up", "0"],
    ]
}

#[test]
#[cfg(target_os = "linux")]
fn output_that_cannot_be_written_is_an_error() {
    let agent = agent();
    for words in commands(&agent) {
        let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = Command::new(env!("CARGO_BIN_EXE_spop"))
            .args(&words)
            .stdout(full)
            .output()
            .unwrap();
        let err = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{words:?}: {err}");
        assert!(
            err.starts_with("error: cannot write to standard output: "),
            "{words:?}: {err}"
        );
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_not_an_error() {
    let agent = agent();
    for words in commands(&agent) {
        let run = || {
            let (reader, writer) = UnixStream::pair().unwrap();
            drop(reader);
            let output = Command::new(env!("CARGO_BIN_EXE_spop"))
                .args(&words)
                .stdout(OwnedFd::from(writer))
                .output()
                .unwrap();
            let err = String::from_utf8(output.stderr).unwrap();
            (output.status.code(), err)
        };
        // If `bench` could not measure anything, it says so on the closed output.
        let nothing = |end: &_| words[0] == "bench" && *end == (Some(1), String::new());
        let end = again_if(nothing, run);
        assert_eq!(end, (Some(0), String::new()), "{words:?}");
    }
}

#[test]
fn decode_stops_when_its_output_is_closed() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_spop"))
        .arg("decode")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let ack = [0, 0, 0, 7, 103, 0, 0, 0, 1, 1, 1];
    input.write_all(&ack).unwrap();
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    assert!(line.starts_with("ACK"), "{line}");
    drop(lines);
    // One more has it see that nobody reads, and then it reads no more either.
    assert!((0..1_000_000).any(|_| input.write_all(&ack).is_err()));
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

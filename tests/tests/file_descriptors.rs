//! An agent that runs out of file descriptors: it says so, serves whom it has, and lets in the others
//! when there is room again.

mod common;

use common::program;
use spoa::client::Client;
use spoa_tests::{PATIENCE, Process};
use std::net::TcpStream;
use std::process::Command;
use std::time::Instant;

/// Starts the agent with a limit of open files.
fn limited(files: u32, words: &str) -> Command {
    let mut command = program("/bin/sh");
    command
        .args(["-c", &format!("ulimit -n {files}; exec \"$0\" {words}")])
        .arg(env!("CARGO_BIN_EXE_agent-fixture"));
    command
}

/// The words with which it serves.
const SERVE: &str = "--workers 1 --listen 127.0.0.1:0";

/// Returns the steps for which a command lacks descriptors, in their order. With enough it prints `done`.
fn lacks(words: &str, done: &str) -> Vec<String> {
    let mut lacked = Vec::new();
    // How many it has at which step depends on those it inherits.
    for files in 6..40 {
        let mut agent = Process::start(&mut limited(files, words));
        let first = agent.wait_for_line("");
        if first.contains("error while loading shared libraries") {
            continue;
        }
        let Some(error) = first.strip_prefix("error: ") else {
            agent.wait_for_line(done);
            break;
        };
        assert_eq!(agent.wait(PATIENCE).code(), Some(1), "with {files}");
        assert_eq!(agent.output(), [first.as_str()], "with {files}");
        let (what, advice) = error.split_once(": ").expect("what it cannot do, and why");
        assert_eq!(
            advice, "Too many open files (os error 24); raise `LimitNOFILE` or `ulimit -n`",
            "with {files}"
        );
        lacked.push(what.to_owned());
    }
    lacked.dedup();
    lacked
}

#[test]
fn an_agent_that_lacks_descriptors_to_start_says_what_to_raise() {
    let steps = [
        "cannot start threads",
        "cannot wait for signals",
        "cannot listen on 127.0.0.1:0",
    ];
    assert_eq!(lacks(SERVE, "listening on "), steps);
    let steps = ["cannot start threads", "cannot connect to the handlers"];
    assert_eq!(lacks("--workers 1 call greet", "set-var"), steps);
}

#[tokio::test]
async fn an_agent_recovers_from_a_lack_of_file_descriptors() {
    let agent = Process::start(&mut limited(40, SERVE));
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").to_owned();
    agent.wait_for_line("Wire HAProxy to it");
    let first = Client::connect(&address).await.expect("it listens");
    let open = || TcpStream::connect(&address).expect("the system takes the connection");
    let begin = Instant::now();
    let others: Vec<_> = (0..60).map(|_| open()).collect();
    let line = agent.wait_for_line("cannot accept connections");
    assert!(
        line.contains("raise `LimitNOFILE` or `ulimit -n`"),
        "{line}"
    );
    let answer = first.send("greet", &[]).await;
    answer.expect("who is connected is served");
    drop(others);
    let again = Client::connect(&address).await.expect("it lets in again");
    again.send("greet", &[]).await.expect("and serves");
    // It logged at most one line a second, however often it tried.
    let lines = agent.output();
    let said = lines.iter().filter(|line| line.contains("cannot accept"));
    let most = 2 + begin.elapsed().as_secs() as usize;
    assert!(said.count() <= most, "{lines:?}");
}

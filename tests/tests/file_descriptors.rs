//! An agent that runs out of file descriptors: it says so, serves whom it has, and lets in the others
//! when there is room again.

mod common;

use common::{program, said};
use spoa::client::Client;
use spoa_tests::Process;
use std::net::TcpStream;
use std::process::Command;

/// Starts the agent with a limit of open files.
fn limited(files: u32) -> Command {
    let mut command = program("/bin/sh");
    command
        .args([
            "-c",
            "ulimit -n \"$1\"; exec \"$0\" --workers 1 --listen 127.0.0.1:0",
        ])
        .arg(env!("CARGO_BIN_EXE_agent-fixture"))
        .arg(files.to_string());
    command
}

#[test]
fn an_agent_that_lacks_descriptors_to_start_says_what_to_raise() {
    for (files, what) in [
        (4, "cannot start threads"),
        (8, "cannot start threads"),
        (9, "cannot wait for signals"),
        (12, "cannot listen on 127.0.0.1:0"),
    ] {
        let failed = said(&mut limited(files));
        assert_eq!(
            (failed.status, failed.err),
            (
                Some(1),
                format!(
                    "error: {what}: Too many open files (os error 24); raise `LimitNOFILE` or \
                     `ulimit -n`\n"
                )
            ),
            "with {files}"
        );
    }
}

#[tokio::test]
async fn an_agent_recovers_from_a_lack_of_file_descriptors() {
    let agent = Process::start(&mut limited(40));
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").to_owned();
    agent.wait_for_line("Wire HAProxy to it");
    let first = Client::connect(&address).await.expect("it listens");
    let open = || TcpStream::connect(&address).expect("the system takes the connection");
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
    assert!(said.count() <= 10, "{lines:?}");
}

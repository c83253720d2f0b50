//! An agent that runs out of file descriptors: it says so, serves whom it has, and lets in the others
//! when there is room again.

mod common;

use common::program;
use spoa::client::Client;
use spoa_tests::Process;
use std::net::TcpStream;

#[tokio::test]
async fn it_recovers_from_a_want_of_file_descriptors() {
    let mut command = program("/bin/sh");
    command
        .args([
            "-c",
            "ulimit -n 40; exec \"$0\" --workers 1 --listen 127.0.0.1:0",
        ])
        .arg(env!("CARGO_BIN_EXE_agent-fixture"));
    let agent = Process::start(&mut command);
    let line = agent.wait_for_line("listening on ");
    let address = line.trim_start_matches("listening on ").to_owned();
    agent.wait_for_line("and in spoe.conf");
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
    // It said so once a second at most, however often it tried.
    let lines = agent.output();
    let said = lines.iter().filter(|line| line.contains("cannot accept"));
    assert!(said.count() <= 10, "{lines:?}");
}

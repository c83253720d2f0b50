//! Restricts the peers of an agent: by networks, and by the owner of a unix socket.

mod common;

use common::{fixture, said};
use spoa::client::Client;
use spoa_tests::{PATIENCE, Process, TempDir};
use std::io::Read;
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt;

/// An agent that listens, and where.
fn start(args: &[&str]) -> (Process, String) {
    let agent = Process::start(fixture().args(args));
    let line = agent.wait_for_line("listening on ");
    agent.wait_for_line("Wire HAProxy to it");
    let address = line.trim_start_matches("listening on ").to_owned();
    (agent, address)
}

#[test]
fn a_peer_outside_the_allowed_networks_is_closed_and_logged() {
    let (agent, address) = start(&["--allow", "192.0.2.0/24", "--allow", "::1"]);
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("any socket");
    let peer = stream.local_addr().expect("it is connected");
    assert_eq!(stream.read(&mut [0]).expect("it is closed"), 0);
    agent.wait_for_line(&format!(
        "WARN connection closed: the peer is in no network that `--allow` names; if it is a \
         HAProxy of yours, add its address there peer={peer}"
    ));
}

#[tokio::test]
async fn a_peer_in_an_allowed_network_is_answered() {
    // By IPv4 at a socket of both, and the list in the environment.
    let mut command = fixture();
    command.env("SPOA_ALLOW", "192.0.2.0/24, 127.0.0.0/8");
    let agent = Process::start(command.args(["--listen", ":0"]));
    let line = agent.wait_for_line("listening on ");
    let (_, port) = line.rsplit_once(':').expect("a port");
    let address = format!("127.0.0.1:{port}");
    let client = Client::connect(&address).await.expect("it is let in");
    client.send("echo", &[]).await.expect("it is answered");
}

#[test]
fn an_invalid_network_is_refused() {
    let refused = said(fixture().args(["--allow", "10.0.0/8"]));
    assert_eq!(refused.status, Some(2));
    assert!(
        refused.err.starts_with(
            "error: invalid value '10.0.0/8' for '--allow <NETWORK>': `10.0.0/8` is not a network to \
             allow: write one such as `10.0.0.0/8`"
        ),
        "{}",
        refused.err
    );
}

#[test]
fn an_owner_that_does_not_exist_stops_the_agent() {
    let dir = TempDir::new();
    let address = format!(
        "unix@{},mode=660,user=nobody-of-that-name",
        dir.join("agent.sock").display()
    );
    let refused = said(fixture().env("SPOA_LISTEN", &address));
    assert_eq!(refused.status, Some(1));
    assert_eq!(
        refused.err,
        format!(
            "error: cannot listen on {address}: there is no user `nobody-of-that-name` on this \
             machine; create it, or write the name or number of another\n"
        )
    );
}

#[test]
fn a_socket_can_be_given_to_another_user() {
    let dir = TempDir::new();
    let path = dir.join("agent.sock");
    let address = format!("unix@{},mode=660,user=4711,group=4712", path.display());
    let we_are_root = dir.join("").metadata().expect("it is there").uid() == 0;
    if we_are_root {
        let (_agent, _) = start(&["--listen", &address]);
        let file = path.metadata().expect("it listens");
        assert_eq!((file.uid(), file.gid()), (4711, 4712));
        assert_eq!(file.mode() & 0o777, 0o660);
    } else {
        let refused = said(fixture().args(["--listen", &address]));
        assert!(
            refused
                .err
                .contains("only root may give a socket to another user"),
            "{}",
            refused.err
        );
        assert!(!path.exists());
    }
}

//! The log names the cause of a connection that ends badly, and the remedy.

use spoa::State;
use spoa::client::Client;
use spoa::prelude::*;
use spoa_tests::{Background, Config, Haproxy, Message as Sent, eventually, for_haproxies};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

#[spoe_message("ping", set = "txn.pong")]
fn ping() -> bool {
    true
}

/// How many `never` are running.
#[derive(Clone, Default)]
struct Running(Arc<AtomicUsize>);

#[spoe_message("never", timeout = "60s")]
async fn never(State(running): State<'_, Running>) {
    running.0.fetch_add(1, Ordering::Relaxed);
    std::future::pending::<()>().await;
}

/// Says something to an agent, and waits until it hangs up.
fn say(address: SocketAddr, text: &[u8]) {
    let mut stream = TcpStream::connect(address).expect("it listens");
    stream.write_all(text).expect("it reads");
    // It may be reset: there was more than the agent read.
    let _ = stream.read_to_end(&mut Vec::new());
}

#[test]
fn a_haproxy_that_speaks_the_proxy_protocol_is_refused_with_advice() {
    let why = "HAProxy 3.4 ignores `send-proxy` in a backend of agents, with a warning";
    let takes_it = |haproxy: &Haproxy| !haproxy.at_least(3, 4);
    for_haproxies(why, takes_it, |haproxy| {
        for option in ["send-proxy", "send-proxy-v2"] {
            let agent = Background::agent(|builder| builder.handlers(handlers![ping]));
            let server = format!("{} {option}", agent.addr());
            let config = Config::new(server)
                .message(Sent::new("ping"))
                .processing_timeout(Duration::from_millis(200));
            let proxy = config.start(haproxy);
            let refused = "the peer speaks the PROXY protocol, not SPOP; ";
            let mut line = None;
            // On a busy machine, HAProxy may give up before it has sent anything.
            eventually("the peer is refused", || {
                proxy.get("/");
                line = agent.warnings().into_iter().find(|it| it.contains(refused));
                line.is_some()
            });
            let line = line.expect("it was waited for");
            assert!(
                line.contains("remove `send-proxy` or `send-proxy-v2` from the `server` line"),
                "{line}"
            );
            drop(proxy);
            agent.stop_with_warnings(refused);
        }
    });
}

#[test]
fn a_port_scanner_does_not_suppress_lines_of_other_causes() {
    let agent = Background::agent(|builder| builder.handlers(handlers![ping]));
    // Twice, for a second may end between two of them.
    for _ in 0..2 {
        say(agent.addr(), b"GET / HTTP/1.1\r\n\r\n");
        say(agent.addr(), b"\x16\x03\x01\x00\xa5\x01\x00\x00");
        say(agent.addr(), b"PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n");
        say(agent.addr(), &[0, 0, 0, 1, 1]);
    }
    for cause in [
        "the peer speaks HTTP",
        "the peer speaks TLS",
        "the PROXY protocol",
    ] {
        agent.wait_for_warning(cause);
    }
    let rest = agent.warnings();
    assert!(!rest.is_empty(), "the last cause");
    assert!(
        rest.iter().all(|line| line.contains("connection refused")),
        "{rest:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_peer_that_leaves_without_its_answers_causes_one_line() {
    let running = Running::default();
    let state = running.clone();
    let agent = Background::agent(|builder| builder.handlers(handlers![never]).state(state));
    let client = Client::options().ack_timeout(Duration::from_millis(10));
    let client = client
        .connect(&agent.addr().to_string())
        .await
        .expect("it listens");
    for _ in 0..3 {
        client
            .send("never", &[])
            .await
            .expect_err("it is never done");
    }
    eventually("they run", || running.0.load(Ordering::Relaxed) == 3);
    drop(client);
    let line = agent.wait_for_warning("connection closed by the peer with 3 answers outstanding; ");
    assert!(
        line.contains("its `timeout processing` in spoe.conf"),
        "{line}"
    );
}

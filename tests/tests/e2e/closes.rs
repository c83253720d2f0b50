//! Connections that end as connections do: the next request opens another, and the agent, which fails
//! the test by any warning, says nothing.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use spoa::State;
use spoa::prelude::*;
use spoa_tests::{
    Background, Config, Message as Sent, Proxy, eventually, for_each_haproxy_in_turn,
};

use crate::gate::Gate;

#[spoe_message("ping", set = "txn.pong")]
fn ping() -> bool {
    true
}

fn agent() -> Background {
    Background::agent(|agent| agent.handlers(handlers![ping]))
}

fn config(agent: &Background) -> Config {
    Config::new(agent.addr())
        .message(Sent::new("ping"))
        .vars(["txn.iprep.pong"])
}

fn assert_answered(proxy: &Proxy) {
    assert_eq!(proxy.get("/").var("txn.iprep.pong"), Some("1"));
}

/// How many connections have ended.
fn closed(agent: &Background) -> usize {
    agent
        .logs()
        .iter()
        .filter(|line| line.contains("spoa::connection: closed"))
        .count()
}

#[test]
fn haproxy_closes_an_idle_connection() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = agent();
        // The one holds up to 3.0, the other since: connections wait in a pool.
        let proxy = config(&agent)
            // Up to 3.0, it also ends a connection that waits for an answer.
            .spoe_agent("timeout idle 2s")
            .defaults("default-server pool-purge-delay 50ms")
            .start(haproxy);
        assert_answered(&proxy);
        eventually("it is given up", || closed(&agent) > 0);
        assert_answered(&proxy);
    });
}

#[test]
fn haproxy_disables_the_agent_for_a_while() {
    let agent = agent();
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent).start(haproxy);
        for _ in 0..3 {
            assert_answered(&proxy);
            proxy.disable_agent();
            proxy.enable_agent();
        }
        assert_answered(&proxy);
    });
}

#[test]
fn haproxy_stops_while_it_is_idle() {
    let agent = agent();
    for_each_haproxy_in_turn(|haproxy| {
        let mut proxy = config(&agent).start(haproxy);
        assert_answered(&proxy);
        proxy.soft_stop();
        // It lingers if an agent does not answer its DISCONNECT.
        assert!(proxy.wait(Duration::from_secs(20)).success());
    });
}

#[test]
fn haproxy_is_killed() {
    for_each_haproxy_in_turn(|haproxy| {
        let agent = agent();
        let mut proxy = config(&agent).start(haproxy);
        assert_answered(&proxy);
        proxy.kill();
        eventually("its connections end", || closed(&agent) > 0);
    });
}

#[spoe_message("slow", set = "txn.pong", timeout = "20s")]
async fn slow(gate: State<'_, Gate>) -> bool {
    gate.pass().await;
    true
}

#[test]
fn a_client_leaves_before_the_answer() {
    for_each_haproxy_in_turn(|haproxy| {
        let gate = Gate::shut();
        let state = gate.clone();
        let agent = Background::agent(|agent| agent.handlers(handlers![ping, slow]).state(state));
        let proxy = config(&agent)
            .message(Sent::new("slow").event("on-frontend-http-request if { path /slow }"))
            .global("nbthread 1")
            .start(haproxy);
        for _ in 0..3 {
            let mut client = TcpStream::connect(proxy.addr()).expect("HAProxy listens");
            let request = b"GET /slow HTTP/1.1\r\nhost: test\r\n\r\n";
            client.write_all(request).expect("HAProxy reads");
            gate.wait_for(1);
            drop(client);
            assert_answered(&proxy);
            gate.open();
            assert_answered(&proxy);
        }
    });
}

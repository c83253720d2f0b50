//! The first agent anyone writes, behind every HAProxy: the shape of an end-to-end test.

use std::net::IpAddr;

use spoa::prelude::*;
use spoa_tests::{Background, Config, Message, TempDir, for_each_haproxy};

#[spoe_message("get-ip-reputation")]
fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
}

#[test]
fn the_score_reaches_the_session() {
    let agent = Background::agent(|agent| agent.handlers(handlers![ip_reputation]));
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Message::new("get-ip-reputation").args("ip=src"))
            .vars(["sess.iprep.ip_score"])
            .start(haproxy);

        let reply = proxy.get("/");

        assert_eq!(reply.var("sess.iprep.ip_score"), Some("100"));
    });
}

#[test]
fn the_score_reaches_the_session_over_a_unix_socket() {
    let dir = TempDir::new();
    let address = format!("unix@{}", dir.join("agent.sock").display());
    let _agent = Background::agent_at(&address, |agent| agent.handlers(handlers![ip_reputation]));
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(&address)
            .message(Message::new("get-ip-reputation").args("ip=str(192.0.2.7)"))
            .vars(["sess.iprep.ip_score"])
            .start(haproxy);
        assert_eq!(proxy.get("/").var("sess.iprep.ip_score"), Some("20"));
    });
}

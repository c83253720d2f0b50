//! Every kind of socket between HAProxy and an agent.

use std::os::unix::net::UnixListener;

use spoa::Context;
use spoa::agent::Agent;
use spoa::prelude::*;
use spoa_tests::{Background, Config, Message, Port, TempDir, for_each_haproxy, not_tested_here};

/// Says whom it hears from.
#[spoe_message("who", set = "txn.who")]
fn who(context: Context<'_>) -> String {
    context.peer().to_string()
}

/// Returns the messages of the agent at this address, as HAProxy and `Peer` write it.
fn heard_at(address: &str, expected: &str) {
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(address)
            .message(Message::new("who"))
            .vars(["txn.iprep.who"])
            .start(haproxy);
        let reply = proxy.get("/");
        let heard = reply.var("txn.iprep.who").expect("the agent was asked");
        assert!(heard.starts_with(expected), "{heard}");
    });
}

#[test]
fn an_agent_listens_on_tcp() {
    let agent = Background::agent_at("127.0.0.1:0", |agent| agent.handlers(handlers![who]));
    heard_at(&agent.addr().to_string(), "127.0.0.1:");
}

#[test]
fn an_agent_listens_on_tcp_over_ipv6() {
    if let Err(error) = std::net::TcpListener::bind("[::1]:0") {
        return not_tested_here(&format!("an agent on [::1]: {error}"));
    }
    let agent = Background::agent_at("[::1]:0", |agent| agent.handlers(handlers![who]));
    heard_at(&agent.addr().to_string(), "[::1]:");
}

#[test]
fn an_agent_listens_on_a_unix_socket() {
    let dir = TempDir::new();
    let path = dir.join("agent.sock").display().to_string();
    let address = format!("unix@{path},mode=600");
    let _agent = Background::agent_at(&address, |agent| agent.handlers(handlers![who]));
    heard_at(&format!("unix@{path}"), &path);
}

#[test]
fn an_agent_listens_on_an_abstract_socket() {
    // The number of a port that is ours makes a name that is ours.
    let port = Port::free();
    let address = format!("abns@spoa-agent-{}", port.number());
    let _agent = Background::agent_at(&address, |agent| agent.handlers(handlers![who]));
    heard_at(&address, &address);
}

#[test]
fn an_agent_listens_on_a_socket_that_the_caller_bound() {
    let dir = TempDir::new();
    let path = dir.join("bound.sock").display().to_string();
    let socket = UnixListener::bind(&path).expect("the directory is ours");
    socket
        .set_nonblocking(true)
        .expect("any socket can be made so");
    let _agent = Background::run(|shutdown| async {
        let socket = tokio::net::UnixListener::from_std(socket).map_err(|it| it.to_string())?;
        let agent = Agent::builder()
            .handlers(handlers![who])
            .listener(socket)
            .build();
        let agent = agent.map_err(|error| error.to_string())?;
        agent
            .serve(shutdown)
            .await
            .map_err(|error| error.to_string())
    });
    heard_at(&format!("unix@{path}"), &path);
}

#[test]
fn an_agent_listens_on_several_sockets_at_once() {
    let dir = TempDir::new();
    let path = dir.join("one.sock").display().to_string();
    let first = format!("unix@{path}");
    let agent = Background::agent_at("127.0.0.1:0", move |agent| {
        agent.handlers(handlers![who]).listen(first)
    });
    heard_at(&format!("unix@{path}"), &path);
    heard_at(&agent.addr().to_string(), "127.0.0.1:");
}

//! Sends requests while things go wrong: real HAProxies, an agent that is a process of its
//! own, and a load that does not stop.
//!
//! Every request is to get an answer from HAProxy, and what comes of it is counted: a verdict, the
//! variable of a handler that failed, or the code of `option set-on-error`.

#[path = "../common/mod.rs"]
mod common;

mod agents;
mod certificates;
mod counts;
mod handlers;
mod networks;
mod proxies;

use std::net::SocketAddr;
use std::time::Duration;

use spoa_tests::{
    Config, Exchange, Load, Message, Port, Process, Proxy, at_once, bounded_or_long, eventually,
};

/// How many clients ask at once.
const CLIENTS: usize = 8;

/// An agent as a process, on this port.
fn start_agent(port: &Port, args: &[&str]) -> Process {
    let mut command = common::program(env!("CARGO_BIN_EXE_agent-flaky"));
    let address = port.addr().to_string();
    let agent = Process::start(command.args(["--listen", &address]).args(args));
    agent.wait_for_line("listening on ");
    agent
}

/// A HAProxy that asks for a verdict on every request, from the handler of this message.
fn config(agent: impl ToString, message: &str) -> Config {
    Config::new(agent)
        .message(Message::new(message).args("token=path"))
        .set_on_error("error")
        .vars(["txn.iprep.echo", "txn.iprep.failed", "txn.iprep.error"])
        .processing_timeout(Duration::from_secs(10))
        // A message that cannot be sent at once is not sent a second later.
        .agent_backend("retries 0")
}

/// Adds a second agent, which gets the messages that the first one cannot take.
fn with_second(config: Config, second: SocketAddr, check: &str) -> Config {
    config
        .agent_backend(&format!("server second {second}{check}"))
        .agent_backend("retries 1")
        .agent_backend("option redispatch 1")
}

/// Waits for `count` answers, and for twenty times as many in the long form.
fn wait_for(load: &Load, answers: usize) {
    for _ in 0..bounded_or_long(1, 20) {
        load.wait_for(answers);
    }
}

/// Every one of some requests gets its verdict again.
fn assert_well(proxy: &Proxy) {
    ask_20(proxy).assert_none_lost();
}

/// Waits until every one of some requests gets its verdict again: for a HAProxy that does not wait as long as a busy
/// machine may need.
fn wait_until_well(proxy: &Proxy) {
    eventually("every request gets its verdict", || {
        let counts = ask_20(proxy);
        counts.verdicts == counts.requests
    });
}

/// Sends 20 requests at once.
fn ask_20(proxy: &Proxy) -> counts::Counts {
    let exchanges = at_once(20, |number| Exchange::with(proxy.addr(), number));
    counts::Counts::of(&exchanges)
}

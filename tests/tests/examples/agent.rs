//! An example's agent as a process, and a client of the HAProxy in front of it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;

use spoa_tests::{Process, Proxy, Reply, Request, eventually};

/// Starts an example's agent.
pub(crate) fn start(command: &mut Command) -> Process {
    let process = Process::start(command);
    process.wait_for_line("listening on ");
    process
}

/// Asks until the agent has answered: HAProxy may still be connecting to it.
pub(crate) fn ask(proxy: &Proxy, request: &Request, header: &str) -> Reply {
    let mut answered = None;
    eventually(&format!("an answer with `{header}`"), || {
        let reply = proxy.send(request);
        answered = reply.header(header).is_some().then_some(reply);
        answered.is_some()
    });
    answered.expect("it was waited for")
}

/// The answer to these bytes, as text, when the other end has closed.
pub(crate) fn exchange(port: u16, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("HAProxy listens");
    stream.write_all(bytes).expect("it takes them");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("it answers text");
    answer
}

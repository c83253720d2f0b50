//! Agents to talk to: one as it should be, and others that say what a test has them say.

use spoa::agent::{Agent, AgentBuilder};
use spoa::prelude::*;
use spoa::spop::session::{AgentEvent, AgentSession, AgentSettings};
use spoa::spop::{AckWriter, Action, FrameIds};
use spoa::spop::{Args, Scope, Value};
use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::thread;

#[spoe_message("get-ip-reputation")]
fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
}

/// All that was in the message, in words.
#[spoe_message("echo")]
fn echo(args: Args<'_>) -> SetVar<String> {
    let words: Vec<String> = args
        .iter()
        .map(|arg| format!("{}={}:{}", arg.name, arg.value.data_type(), arg.value))
        .collect();
    SetVar::transaction("echo", words.join(" "))
}

#[spoe_message("everything")]
fn everything() -> Actions {
    Actions::new()
        .with(SetVar::transaction("name", "a b"))
        .with(SetVar::transaction("bytes", vec![0u8, 255]))
        .with(SetVar::request("big", u64::MAX))
        .with(SetVar::session("nothing", Value::Null))
        .with(UnsetVar::process("old"))
}

/// The address of an agent of this framework, which lives as long as the process.
pub(crate) fn agent() -> String {
    agent_with(|agent| agent)
}

/// The address of such an agent with more options.
pub(crate) fn agent_with(
    configure: impl FnOnce(AgentBuilder) -> AgentBuilder + Send + 'static,
) -> String {
    let (sender, receiver) = std::sync::mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime starts");
        runtime.block_on(async {
            let builder = Agent::builder()
                .handlers(handlers![ip_reputation, echo, everything])
                .listen("127.0.0.1:0");
            let server = configure(builder)
                .build()
                .expect("it is an agent")
                .bind()
                .expect("it can listen");
            let listener = server.listeners().first().expect("it has one address");
            sender
                .send(listener.address().to_string())
                .expect("somebody waits");
            server.serve(std::future::pending()).await;
        });
    });
    receiver.recv().expect("the agent listens")
}

/// The address of something that does this with each connection, until the process ends.
pub(crate) fn peer(talk: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = listener.local_addr().expect("it is bound").to_string();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let talk = talk.clone();
            thread::spawn(move || talk(stream));
        }
    });
    address
}

/// The address of an agent that answers as it should, but for NOTIFYs: those it answers with what
/// this appends.
pub(crate) fn answering(
    answer: impl Fn(FrameIds, &mut Vec<u8>) + Send + Sync + Clone + 'static,
) -> String {
    peer(move |mut stream| {
        let mut session = AgentSession::new(AgentSettings::default());
        let (mut input, mut out) = (Vec::new(), Vec::new());
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            input.extend(buffer.iter().take(count));
            loop {
                let received = session.receive(&input, &mut out);
                let used = received.used;
                let more = received.event.is_some();
                if let Some(AgentEvent::Notify { ids, .. }) = received.event {
                    answer(ids, &mut out);
                }
                input.drain(..used);
                if !more {
                    break;
                }
            }
            if stream.write_all(&out).is_err() {
                return;
            }
            out.clear();
            if session.is_over() {
                return;
            }
        }
    })
}

/// Appends an ACK with one variable.
pub(crate) fn ack(ids: FrameIds, name: &str, out: &mut Vec<u8>) {
    let mut ack = AckWriter::begin(ids, out);
    ack.action(&Action::SetVar {
        scope: Scope::Session,
        name: name.into(),
        value: Value::Int32(20),
    });
    ack.finish();
}

/// The address of an admin server that answers every request with this text.
pub(crate) fn serving(stats: &'static str) -> String {
    peer(move |mut stream| {
        let mut request = [0; 1024];
        let _ = stream.read(&mut request);
        let head = "HTTP/1.0 200 OK\r\ncontent-type: application/json\r\n\r\n";
        let _ = stream.write_all(format!("{head}{stats}").as_bytes());
    })
}

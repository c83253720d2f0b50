//! Values are secrets: no line above TRACE has them, whatever goes wrong.

use crate::peer::{Answer, Peer, frame};
use crate::scoped;
use spoa::agent::Agent;
use spoa::prelude::*;
use spoa::spop::{Flags, FrameType, NotifyWriter, Value};
use std::io::{self, Write};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::Level;

const SECRET: &str = "hunter2";
const NUMBER: i64 = 8_675_309_123;

#[spoe_message("number")]
fn number(value: u8) -> SetVar<u8> {
    SetVar::session("number", value)
}

#[spoe_message("address")]
fn address(value: IpAddr) -> SetVar<bool> {
    SetVar::session("ipv4", value.is_ipv4())
}

#[spoe_message("parsed")]
fn parsed(value: Parse<u64>) -> SetVar<u64> {
    SetVar::session("parsed", value.0)
}

#[derive(FromValue)]
enum Color {
    Red,
}

#[spoe_message("color")]
fn color(value: Color) -> SetVar<bool> {
    SetVar::session("red", matches!(value, Color::Red))
}

#[spoe_message("missing")]
fn missing(valeu: &str) -> SetVar<usize> {
    SetVar::session("len", valeu.len())
}

#[spoe_message("misspelt")]
fn misspelt(valeu: Option<&str>) -> SetVar<bool> {
    SetVar::session("is", valeu.is_some())
}

#[spoe_message("echo")]
fn echo(value: &str) -> SetVar<&str> {
    SetVar::session("echo", value)
}

/// More than a frame holds.
#[spoe_message("large")]
fn large(value: &str) -> Vec<SetVar<String>> {
    vec![SetVar::session("large", value.repeat(100)); 1000]
}

#[spoe_message("error")]
fn error(value: &str) -> Result<SetVar<usize>, String> {
    Err(format!("a value of {} bytes is too much", value.len()))
}

#[spoe_message("panic")]
fn panic(value: &str) {
    assert!(value.is_empty(), "it is not empty");
}

#[spoe_message("late")]
async fn late(value: &str) -> SetVar<usize> {
    std::future::pending::<()>().await;
    SetVar::session("late", value.len())
}

#[spoe_message("bad-name")]
fn bad_name(value: &str) -> SetVar<usize> {
    SetVar::session(String::from("a-b"), value.len())
}

/// The lines that a subscriber of this thread writes.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Takes what this thread logs from here on.
    pub(crate) fn subscribe(&self, level: Level) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_writer(move || writer.clone())
            .with_ansi(false)
            .finish();
        scoped::subscribe(subscriber)
    }

    /// Returns what was written so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn notify(stream_id: u64, message: &str, value: Value<'_>) -> Vec<u8> {
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message(message, &[("value", value)]);
    frame(FrameType::NOTIFY, Flags::FIN, stream_id, &payload)
}

/// The log of an agent that is sent secrets in all the ways that fail.
async fn log_of_failures(level: Level) -> String {
    let log = Log::default();
    let _guard = log.subscribe(level);
    let agent = Agent::builder()
        .handlers(handlers![
            number, address, parsed, color, missing, misspelt, echo, large, error, panic, late,
            bad_name
        ])
        .limits(|limits| {
            limits.handler_timeout = Some(Duration::from_millis(20));
            limits.max_in_flight = 1;
            limits.max_reassembled = 100;
        })
        .on_failure(|_| -> SetVar<u8> { panic!("it fails as well") })
        .build()
        .unwrap();
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.greet().await;
    let secret = Value::from(SECRET);
    let invalid = [SECRET.as_bytes(), &[0xff]].concat();
    let cases = [
        ("number", secret),
        ("number", Value::Int64(NUMBER)),
        ("number", Value::Binary(SECRET.as_bytes())),
        ("number", Value::Null),
        ("address", secret),
        ("parsed", secret),
        ("color", secret),
        ("missing", secret),
        ("misspelt", secret),
        ("echo", Value::String(&invalid)),
        ("echo", secret),
        ("large", secret),
        ("error", secret),
        ("panic", secret),
        ("late", secret),
        ("bad-name", secret),
        ("unknown", secret),
    ];
    for (stream, (message, value)) in (1..).zip(cases) {
        peer.send(&notify(stream, message, value)).await;
        assert!(matches!(peer.answer().await, Answer::Ack(id, _) if id == stream));
    }
    // Overloaded: the first waits.
    peer.send(&[notify(1, "late", secret), notify(2, "late", secret)].concat())
        .await;
    assert!(matches!(peer.answer().await, Answer::Ack(2, _)));
    assert!(matches!(peer.answer().await, Answer::Ack(1, _)));
    // Unreadable, too long in fragments, and no NOTIFY at all.
    let corrupt = [b"\x04echo\x02\x05value\x08\x07", SECRET.as_bytes()].concat();
    peer.send(&frame(FrameType::NOTIFY, Flags::FIN, 3, &corrupt))
        .await;
    assert!(matches!(peer.answer().await, Answer::Ack(3, _)));
    let long = SECRET.repeat(20);
    peer.send(&frame(FrameType::NOTIFY, Flags::NONE, 5, long.as_bytes()))
        .await;
    peer.send(&frame(FrameType::UNSET, Flags::FIN, 5, b""))
        .await;
    assert!(matches!(peer.answer().await, Answer::Ack(5, _)));
    peer.send(&frame(FrameType::ACK, Flags::FIN, 7, SECRET.as_bytes()))
        .await;
    assert_eq!(peer.answer().await, Answer::Disconnect(4));
    let mut stranger = Peer::to(&agent, 1 << 16);
    let request = format!("GET /{SECRET} HTTP/1.1\r\nCookie: {SECRET}\r\n\r\n");
    stranger.send(request.as_bytes()).await;
    assert_eq!(stranger.answer().await, Answer::Closed);
    log.text()
}

fn shown(log: &str) -> Vec<&str> {
    let hex: String = SECRET.bytes().map(|byte| format!("{byte:02x}")).collect();
    let shows = |line: &&str| {
        [SECRET, &hex, &NUMBER.to_string()]
            .iter()
            .any(|secret| line.contains(secret))
    };
    log.lines().filter(shows).collect()
}

#[tokio::test(start_paused = true)]
async fn no_value_is_in_a_line_above_trace() {
    let log = log_of_failures(Level::DEBUG).await;
    assert_eq!(shown(&log), [""; 0]);
    // Each of them was said, to be sure.
    for line in [
        "should be an integer",
        "has no argument `valeu`",
        "is it the `value`",
        "not done within 20ms",
        "NOTIFYs of its connection wait",
        "into the frame that HAProxy takes, left out: `sess.large`, ",
        "a value of 7 bytes is too much",
        "panicked: it is not empty",
        "`on_failure` failed",
        "no handler for message `unknown`",
        "its messages cannot be read",
        "connection refused",
    ] {
        assert!(log.contains(line), "no `{line}` in:\n{log}");
    }
}

#[tokio::test(start_paused = true)]
async fn at_trace_messages_and_actions_are_shown() {
    let log = log_of_failures(Level::TRACE).await;
    let shown = shown(&log);
    assert!(
        shown
            .iter()
            .all(|line| line.contains("TRACE spoa::values: "))
    );
    let count = |text: &str| shown.iter().filter(|line| line.contains(text)).count();
    assert_eq!(
        count("spoa::values: NOTIFY echo value=\"hunter2\"; peer="),
        1
    );
    assert_eq!(
        count("spoa::values: ACK set-var sess.echo = \"hunter2\"; peer="),
        1
    );
    // No line is longer than a person reads.
    assert!(log.lines().all(|line| line.len() < 5000));
}

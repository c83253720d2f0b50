//! Bytes of connections, and the exchanges that are written of them.

use super::*;
use crate::recording::{Entry, Exchange, Reader};
use spoa::spop::{AckWriter, Action, NotifyWriter, Scope, Value};
use spoa::spop::{Flags, FrameWriter};

fn ids(stream_id: u64) -> FrameIds {
    FrameIds {
        stream_id,
        frame_id: 1,
    }
}

fn hello(engine: &str) -> Vec<u8> {
    let mut out = Vec::new();
    HaproxyHello {
        supported_versions: "2.0",
        max_frame_size: 16380,
        capabilities: Capabilities::default(),
        healthcheck: false,
        engine_id: Some(engine),
    }
    .encode(&mut out);
    out
}

fn payload(name: &str) -> Vec<u8> {
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message(name, &[("n", Value::Int32(1))]);
    payload
}

fn frame(frame_type: FrameType, flags: Flags, ids: FrameIds, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut frame = FrameWriter::begin(frame_type, flags, ids, &mut out);
    frame.payload(payload);
    frame.finish();
    out
}

fn notify(stream: u64, name: &str) -> Vec<u8> {
    frame(FrameType::NOTIFY, Flags::FIN, ids(stream), &payload(name))
}

fn ack(stream: u64, value: i32) -> Vec<u8> {
    let mut out = Vec::new();
    let mut ack = AckWriter::begin(ids(stream), &mut out);
    let (scope, name) = (Scope::Session, "n".into());
    let value = Value::Int32(value);
    ack.action(&Action::SetVar { scope, name, value });
    ack.finish();
    out
}

/// Returns the recording of these bytes, each sent alone.
fn recorded(limit: u64, sent: &[(u64, Side, Vec<u8>)]) -> (Vec<Exchange>, Counts) {
    let (sender, seen) = std::sync::mpsc::channel();
    for (connection, side, bytes) in sent {
        for byte in bytes {
            let seen = Seen::Bytes {
                connection: *connection,
                side: *side,
                at: Instant::now(),
                bytes: vec![*byte],
            };
            sender.send(seen).unwrap();
        }
    }
    drop(sender);
    let mut file = Vec::new();
    let hashes = Hashes::new([]).unwrap();
    let sink = Sink::new(&mut file, limit, &RecordingLine::head("agent", &hashes)).unwrap();
    let queue = Arc::new(Queue::default());
    queue.take(1 << 20);
    let counts = TrafficObserver::new(sink, hashes, queue)
        .run(&seen)
        .unwrap();
    assert_eq!(counts.bytes, file.len() as u64);
    let mut reader = Reader::new(file.as_slice()).unwrap();
    let entries = std::iter::from_fn(|| reader.next().unwrap());
    let exchanges = entries.filter_map(|entry| match entry {
        Entry::Exchange(exchange) => Some(exchange),
        Entry::Connection(connection) => {
            assert_eq!(connection.engine.as_deref(), Some("e"));
            None
        }
    });
    (exchanges.collect(), counts)
}

/// The stream, the message and the value that was set, of each exchange.
fn short(exchanges: &[Exchange]) -> Vec<(u64, &str, Option<i128>)> {
    let short = exchanges.iter().map(|exchange| {
        let answer = exchange.answer.as_ref();
        let value = answer.map(|changes| changes[0].value.as_ref().unwrap());
        (
            exchange.ids.stream_id,
            exchange.messages[0].name.as_str(),
            value.map(|value| value.as_integer().unwrap()),
        )
    });
    short.collect()
}

#[test]
fn acks_are_matched_to_their_notifys_in_any_order() {
    let sent = [
        (1, Side::Haproxy, hello("e")),
        (2, Side::Haproxy, hello("e")),
        (1, Side::Haproxy, notify(1, "a")),
        (1, Side::Haproxy, notify(3, "b")),
        (2, Side::Haproxy, notify(1, "c")),
        (1, Side::Agent, ack(3, 30)),
        (2, Side::Agent, ack(1, 10)),
        (2, Side::Haproxy, notify(5, "d")),
        // With `async`, an ACK may come on another connection.
        (1, Side::Agent, ack(5, 50)),
        (1, Side::Agent, ack(9, 90)),
    ];
    let (exchanges, counts) = recorded(u64::MAX, &sent);
    assert_eq!(
        short(&exchanges),
        [
            (3, "b", Some(30)),
            (1, "c", Some(10)),
            (5, "d", Some(50)),
            (1, "a", None)
        ]
    );
    assert_eq!((counts.exchanges, counts.unanswered), (4, 1));
    assert_eq!((counts.connections, counts.unreadable), (2, 0));
}

#[test]
fn fragments_are_recorded_as_one_notify() {
    let whole = payload("long");
    let (first, rest) = whole.split_at(3);
    let sent = [
        (1, Side::Haproxy, hello("e")),
        (
            1,
            Side::Haproxy,
            frame(FrameType::NOTIFY, Flags::NONE, ids(1), first),
        ),
        (1, Side::Haproxy, notify(3, "other")),
        (
            1,
            Side::Haproxy,
            frame(FrameType::UNSET, Flags::FIN, ids(1), rest),
        ),
        (
            1,
            Side::Haproxy,
            frame(FrameType::NOTIFY, Flags::NONE, ids(5), first),
        ),
        (
            1,
            Side::Haproxy,
            frame(FrameType::NOTIFY, Flags::ABORT, ids(5), &[]),
        ),
        (1, Side::Agent, ack(1, 1)),
        (1, Side::Agent, ack(3, 3)),
    ];
    let (exchanges, counts) = recorded(u64::MAX, &sent);
    assert_eq!(
        short(&exchanges),
        [(1, "long", Some(1)), (3, "other", Some(3))]
    );
    assert_eq!(counts.unreadable, 0);
}

#[test]
fn bytes_that_are_not_spop_end_the_recording_of_their_connection_only() {
    let sent = [
        (1, Side::Haproxy, hello("e")),
        (2, Side::Haproxy, b"GET / HTTP/1.1\r\n".to_vec()),
        (
            1,
            Side::Haproxy,
            frame(FrameType::NOTIFY, Flags::FIN, ids(1), b"\xff"),
        ),
        (1, Side::Agent, ack(1, 1)),
        (1, Side::Haproxy, notify(3, "a")),
        (1, Side::Agent, ack(3, 3)),
    ];
    let (exchanges, counts) = recorded(u64::MAX, &sent);
    assert_eq!(short(&exchanges), [(3, "a", Some(3))]);
    assert_eq!(counts.unreadable, 2);
}

#[test]
fn the_file_grows_to_its_limit_and_ends_with_a_whole_line() {
    let mut sent = vec![(1, Side::Haproxy, hello("e"))];
    for stream in 0..20 {
        sent.push((1, Side::Haproxy, notify(stream, "a")));
        sent.push((1, Side::Agent, ack(stream, 1)));
    }
    let (all, whole) = recorded(u64::MAX, &sent);
    assert_eq!((all.len(), whole.full), (20, false));
    let (some, counts) = recorded(whole.bytes / 2, &sent);
    assert!(counts.full && counts.bytes <= whole.bytes / 2);
    assert!((5..15).contains(&some.len()), "{}", some.len());
    assert_eq!(counts.exchanges, some.len() as u64);
}

//! HAProxy's reactions to frames that the library takes care not to send.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use spoa::spop::{Flags, FrameIds, FrameType, FrameWriter, Messages, Value, varint};
use spoa_tests::{
    Background, Config, Haproxy, Message as Sent, Proxy, Request, at_once, eventually,
    for_each_haproxy_in_turn,
};

use crate::scripted_agent::{ack, answering, greeting};

fn config(agent: &Background) -> Config {
    Config::new(agent.addr())
        .message(Sent::new("ask").args("req.hdr(x-size) req.hdr(x-size),length"))
        .set_on_error("error")
        .vars(["txn.iprep.answer", "txn.iprep.error"])
        // One thread, so that there is one connection.
        .global("nbthread 1")
}

/// `answer` and the error there was instead.
fn asked(proxy: &Proxy, request: &Request) -> (Option<i64>, Option<i64>) {
    let reply = proxy.send(request);
    let number = |name| reply.var(name).map(|it| it.parse().expect("a number"));
    (number("txn.iprep.answer"), number("txn.iprep.error"))
}

/// How long HAProxy waits for an answer that never comes. Those that come must take less, on a busy machine as well.
const VAIN: Duration = Duration::from_secs(3);

/// Returns how long HAProxy waits for an answer that it takes up to 3.0 only.
fn in_vain(haproxy: &Haproxy) -> Duration {
    if haproxy.at_least(3, 1) {
        VAIN
    } else {
        Duration::from_secs(20)
    }
}

fn ask(proxy: &Proxy) -> (Option<i64>, Option<i64>) {
    asked(proxy, &Request::get("/"))
}

/// Sets `answer` and fills the ACK to the size the message asks for.
fn fill(ids: FrameIds, messages: Messages<'_>, out: &mut Vec<u8>) {
    let message = messages.iter().next().expect("a NOTIFY has a message");
    let size = message
        .at(0)
        .and_then(|it| std::str::from_utf8(it.as_bytes()?).ok());
    let size: usize = size.and_then(|it| it.parse().ok()).expect("a number");
    let mut ack = FrameWriter::begin(FrameType::ACK, Flags::FIN, ids, out);
    ack.payload(b"\x01\x03\x02\x06answer\x03\x07\x01\x03\x02\x04fill\x08");
    // Three bytes for a length from 2288 on.
    let mut length = Vec::new();
    varint::encode((size - ack.size() - 3) as u64, &mut length);
    ack.payload(&length);
    ack.payload(&vec![b'x'; size - ack.size()]);
    ack.finish();
}

#[test]
fn an_ack_of_the_size_agreed_on_is_a_byte_too_large_since_3_1() {
    let agent = answering(fill);
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent)
            .processing_timeout(in_vain(haproxy))
            .start(haproxy);
        let ask = |size: &str| asked(&proxy, &Request::get("/").header("x-size", size));
        assert_eq!(ask("16379"), (Some(7), None));
        if haproxy.at_least(3, 1) {
            assert_eq!(ask("16380"), (None, Some(1)));
            assert_eq!(
                ask("16379"),
                (None, Some(1)),
                "the connection is stuck for good"
            );
        } else {
            assert_eq!(ask("16380"), (Some(7), None));
            assert_eq!(ask("16381"), (None, Some(259)));
        }
    });
}

#[test]
fn an_unexpected_ack_fails_its_connection_since_3_1() {
    let agent = answering(|ids, _, out| {
        let stream_id = ids.stream_id + 1000;
        ack(
            FrameIds { stream_id, ..ids },
            "answer",
            Value::Int32(1),
            out,
        );
        ack(ids, "answer", Value::Int32(2), out);
    });
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent)
            .processing_timeout(in_vain(haproxy))
            .start(haproxy);
        let expected = if haproxy.at_least(3, 1) {
            (None, Some(1))
        } else {
            (Some(2), None)
        };
        assert_eq!(ask(&proxy), expected);
    });
}

#[test]
fn of_two_acks_for_a_notify_one_is_taken() {
    let agent = answering(|ids, _, out| {
        ack(ids, "answer", Value::Int32(1), out);
        ack(ids, "answer", Value::Int32(2), out);
    });
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent).start(haproxy);
        // The actions of both, in order, if they come at once.
        let taken = if haproxy.at_least(3, 1) { 2 } else { 1 };
        assert_eq!(ask(&proxy), (Some(taken), None));
        assert_eq!(ask(&proxy), (Some(taken), None));
    });
}

/// Sets `answer` to a datum of these bytes.
fn datum(bytes: Vec<u8>) -> Background {
    answering(move |ids, _, out| {
        let mut ack = FrameWriter::begin(FrameType::ACK, Flags::FIN, ids, out);
        ack.payload(b"\x01\x03\x02\x06answer");
        ack.payload(&bytes);
        ack.finish();
    })
}

fn coded(head: u8, value: u64) -> Vec<u8> {
    let mut bytes = vec![head];
    varint::encode(value, &mut bytes);
    bytes
}

#[test]
fn a_negative_int32_has_64_bits() {
    let minus_five = (-5i64).cast_unsigned();
    let (wide, narrow) = (
        datum(coded(2, minus_five)),
        datum(coded(2, minus_five & 0xffff_ffff)),
    );
    for_each_haproxy_in_turn(|haproxy| {
        assert_eq!(ask(&config(&wide).start(haproxy)), (Some(-5), None));
        assert_eq!(
            ask(&config(&narrow).start(haproxy)),
            (Some(4_294_967_291), None)
        );
    });
}

#[test]
fn a_bool_with_more_flags_than_that_of_true_is_false() {
    let (yes, no) = (datum(vec![0x11]), datum(vec![0xf1]));
    for_each_haproxy_in_turn(|haproxy| {
        assert_eq!(ask(&config(&yes).start(haproxy)), (Some(1), None));
        assert_eq!(ask(&config(&no).start(haproxy)), (Some(0), None));
    });
}

#[test]
fn haproxy_silently_drops_the_actions_after_a_malformed_one() {
    let agent = datum(b"\x03\x07\x09\x09\x09".to_vec());
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent).start(haproxy);
        assert_eq!(ask(&proxy), (Some(7), None));
    });
}

/// An AGENT-HELLO without the last of its keys, the capabilities.
fn incapable(mut hello: Vec<u8>) -> Vec<Vec<u8>> {
    let key = b"\x0ccapabilities";
    let at = hello
        .windows(key.len())
        .position(|part| part == key)
        .expect("it is there");
    hello.truncate(at);
    let length = u32::try_from(at - 4).expect("it is small").to_be_bytes();
    hello[..4].copy_from_slice(&length);
    vec![hello]
}

#[test]
fn a_health_check_wants_all_keys_of_the_hello_since_3_1() {
    let agent = greeting(incapable, |ids, _, out| {
        ack(ids, "answer", Value::Int32(1), out)
    });
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = config(&agent).spop_check().start(haproxy);
        let status = if haproxy.at_least(3, 1) { "DOWN" } else { "UP" };
        eventually("a check is over", || {
            proxy.agent_stat("check_status").starts_with("L7")
        });
        eventually(&format!("it is {status}"), || {
            proxy.agent_status() == status
        });
    });
}

#[test]
fn an_ack_on_another_connection_answers_another_stream_since_3_1() {
    // The agent answers the first NOTIFY on the connection of the second, and that not at all.
    let first: Arc<Mutex<Option<(FrameIds, i32)>>> = Arc::default();
    let kept = first.clone();
    let agent = answering(move |ids, messages, out| {
        let number = messages
            .iter()
            .next()
            .and_then(|ask| ask.at(1))
            .and_then(|it| it.as_integer());
        let number = number
            .and_then(|it| i32::try_from(it).ok())
            .expect("a number");
        let mut kept = kept.lock().expect("nobody panics");
        match kept.take() {
            None => *kept = Some((ids, number)),
            Some((ids, number)) => ack(ids, "answer", Value::Int32(number), out),
        }
    });
    for_each_haproxy_in_turn(|haproxy| {
        *first.lock().expect("nobody panics") = None;
        // One NOTIFY on each connection.
        let proxy = config(&agent)
            .no_pipelining()
            .processing_timeout(VAIN)
            .start(haproxy);
        let answers = at_once(2, |number| {
            let size = if number == 0 { "1" } else { "22" };
            asked(&proxy, &Request::get("/").header("x-size", size)).0
        });
        // If an ACK was meant for the one, it has answered the other.
        if haproxy.at_least(3, 1) {
            let crossed = matches!(answers[..], [Some(2), None] | [None, Some(1)]);
            assert!(crossed, "{answers:?}");
        } else {
            assert_eq!(answers, [None, None]);
        }
    });
}

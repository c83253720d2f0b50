//! The engine's session: what it sends, takes and refuses, as HAProxy would.
//!
//! It knows the other end only as bytes and as the agent's session.

use super::*;

const VERSION: (&str, Value<'_>) = ("version", Value::String(b"2.0"));
const SIZE: (&str, Value<'_>) = ("max-frame-size", Value::Uint32(16380));
const CAPABILITIES: (&str, Value<'_>) = ("capabilities", Value::String(b""));

fn said_hello(settings: EngineSettings) -> EngineSession {
    let mut engine = EngineSession::new(settings);
    engine.hello(&mut Vec::new());
    engine
}

fn answer_to(bytes: &[u8]) -> (String, Vec<u8>) {
    let mut out = Vec::new();
    let mut engine = said_hello(EngineSettings::default());
    let events = engine_events(&mut engine, bytes, &mut out);
    (events, out)
}

/// An engine whose agent announced these capabilities.
fn with_agent(capabilities: &str) -> EngineSession {
    let mut engine = said_hello(EngineSettings::default());
    let keys = [
        VERSION,
        ("max-frame-size", Value::Uint32(256)),
        ("capabilities", capabilities.into()),
    ];
    let bytes = hello(FrameType::AGENT_HELLO, &keys);
    assert!(engine_events(&mut engine, &bytes, &mut Vec::new()).starts_with("AgentHello("));
    engine
}

#[test]
fn a_health_check_sends_haproxys_hello_and_ends_with_the_answer() {
    let settings = EngineSettings {
        capabilities: Capabilities::default(),
        healthcheck: true,
        ..EngineSettings::default()
    };
    let mut engine = EngineSession::new(settings);
    let mut out = Vec::new();
    engine.hello(&mut out);
    engine.hello(&mut out);
    assert_eq!(out.len(), 82);
    let bytes = hello(FrameType::AGENT_HELLO, &[VERSION, SIZE, CAPABILITIES]);
    assert!(engine_events(&mut engine, &bytes, &mut out).starts_with("AgentHello("));
    assert!(engine.is_over());
    assert_eq!(engine.notify(b"", &mut out), Err(NotifyError::NotRunning));
    assert_eq!(out.len(), 82);
}

#[test]
fn an_agent_hello_is_refused_as_haproxy_would() {
    let version = |text| ("version", Value::String(text));
    let size = |size| ("max-frame-size", Value::Uint32(size));
    let cases: [(&[(&str, Value<'_>)], Status); 12] = [
        (&[SIZE, CAPABILITIES], Status::NO_VERSION),
        (&[VERSION, CAPABILITIES], Status::NO_MAX_FRAME_SIZE),
        (&[VERSION, SIZE], Status::NO_CAPABILITIES),
        (&[version(b"1.0"), SIZE, CAPABILITIES], Status::BAD_VERSION),
        (&[version(b"2.1"), SIZE, CAPABILITIES], Status::BAD_VERSION),
        (&[version(b"2"), SIZE, CAPABILITIES], Status::INVALID_FRAME),
        (
            &[version(b"2.0, 1.0"), SIZE, CAPABILITIES],
            Status::INVALID_FRAME,
        ),
        (
            &[version(b"+2.0"), SIZE, CAPABILITIES],
            Status::INVALID_FRAME,
        ),
        (
            &[VERSION, size(16381), CAPABILITIES],
            Status::BAD_MAX_FRAME_SIZE,
        ),
        (
            &[VERSION, size(255), CAPABILITIES],
            Status::BAD_MAX_FRAME_SIZE,
        ),
        (
            &[VERSION, SIZE, ("capabilities", Value::Null)],
            Status::INVALID_FRAME,
        ),
        (
            &[VERSION, SIZE, CAPABILITIES, ("", Value::Null)],
            Status::INVALID_FRAME,
        ),
    ];
    for (keys, status) in cases {
        let (events, out) = answer_to(&hello(FrameType::AGENT_HELLO, keys));
        assert_eq!(events, format!("Refused(Hello({status:?}))"), "{keys:?}");
        assert_eq!(disconnect(FrameType::HAPROXY_DISCONNECT, &out), status);
    }
}

#[test]
fn an_agent_hello_has_no_ids_and_no_fragments() {
    let whole = hello(FrameType::AGENT_HELLO, &[VERSION, SIZE, CAPABILITIES]);
    let payload = &whole[11..];
    for (flags, ids, status) in [
        (Flags::NONE, (0, 0), Status::NO_FRAGMENTATION),
        (Flags::FIN, (1, 0), Status::INVALID_FRAME),
        (Flags::FIN, (0, 1), Status::INVALID_FRAME),
    ] {
        let (events, out) = answer_to(&frame(FrameType::AGENT_HELLO, flags, ids, payload));
        assert_eq!(events, format!("Refused(Hello({status:?}))"));
        assert_eq!(disconnect(FrameType::HAPROXY_DISCONNECT, &out), status);
    }
}

#[test]
fn a_disconnect_in_place_of_the_hello_tells_its_reason() {
    let mut bytes = Vec::new();
    let said = Disconnect::from(Status::BAD_VERSION);
    said.encode(FrameType::AGENT_DISCONNECT, &mut bytes);
    let (events, out) = answer_to(&bytes);
    assert_eq!((events, out), (format!("Disconnect({said:?})"), vec![]));
}

#[test]
fn a_peer_that_is_not_an_agent_gets_no_answer() {
    let (events, out) = answer_to(b"HTTP/1.1 400 Bad Request\r\n");
    assert_eq!((events.as_str(), out), ("Refused(Foreign(Http))", vec![]));
    let (events, out) = answer_to(b"\x15\x03\x03\x00\x02\x02\x50");
    assert_eq!((events.as_str(), out), ("Refused(Foreign(Tls))", vec![]));
}

#[test]
fn acks_are_matched_by_their_ids_in_any_order() {
    let mut engine = with_agent("pipelining");
    let mut out = Vec::new();
    let ids: Vec<_> = (0..3)
        .map(|_| engine.notify(b"", &mut out).unwrap())
        .collect();
    let given = FrameIds {
        stream_id: 0,
        frame_id: 2,
    };
    engine.notify_as(given, b"", &mut out).unwrap();
    assert_eq!(
        engine.notify_as(given, b"", &mut out),
        Err(NotifyError::IdsInFlight(given))
    );
    assert_eq!(
        ids.iter().map(|ids| ids.stream_id).collect::<Vec<_>>(),
        [1, 3, 5]
    );
    let acks = [ack((5, 1)), ack((0, 2)), ack((1, 1)), ack((3, 1))].concat();
    let events = engine_events(&mut engine, &acks, &mut out);
    assert_eq!(events, "Ack 5/1 0\nAck 0/2 0\nAck 1/1 0\nAck 3/1 0");
    assert_eq!(engine.in_flight(), 0);
}

#[test]
fn a_second_ack_and_one_for_a_cancelled_notify_are_late() {
    let mut engine = with_agent("pipelining");
    let mut out = Vec::new();
    let first = engine.notify(b"", &mut out).unwrap();
    let second = engine.notify(b"", &mut out).unwrap();
    assert!(engine.give_up(second) && !engine.give_up(second));
    out.clear();
    let acks = [ack((1, 1)), ack((1, 1)), ack((3, 1))].concat();
    let events = engine_events(&mut engine, &acks, &mut out);
    let expected = format!("Ack 1/1 0\nLate {{ ids: {first:?} }}\nLate {{ ids: {second:?} }}");
    assert_eq!((events, out), (expected, vec![]));
}

#[test]
fn an_ack_for_an_unknown_notify_ends_the_connection() {
    for ids in [(3, 1), (1, 2)] {
        let mut engine = with_agent("pipelining");
        engine.notify(b"", &mut Vec::new()).unwrap();
        let mut out = Vec::new();
        let events = engine_events(&mut engine, &ack(ids), &mut out);
        assert!(events.starts_with("Refused(UnknownAck("), "{events}");
        assert_eq!(
            disconnect(FrameType::HAPROXY_DISCONNECT, &out),
            Status::FRAME_ID_NOT_FOUND
        );
    }
}

#[test]
fn without_pipelining_one_notify_is_in_flight() {
    let mut engine = with_agent("");
    let mut out = Vec::new();
    engine.notify(b"", &mut out).unwrap();
    let before = out.clone();
    assert_eq!(engine.notify(b"", &mut out), Err(NotifyError::NoPipelining));
    assert_eq!(out, before);
    engine_events(&mut engine, &ack((1, 1)), &mut out);
    assert!(engine.notify(b"", &mut out).is_ok());
}

#[test]
fn a_notify_over_the_size_is_refused_or_sent_in_fragments() {
    let mut out = Vec::new();
    let mut whole = with_agent("pipelining");
    // A head of 7 bytes and a payload that fills the frame.
    assert!(whole.notify(&[0; 249], &mut out).is_ok());
    assert_eq!(out.len(), 4 + 256);
    let error = NotifyError::TooBig {
        size: 257,
        limit: 256,
    };
    assert_eq!(whole.notify(&[0; 250], &mut out), Err(error));
    assert_eq!(out.len(), 4 + 256);

    let settings = AgentSettings {
        max_frame_size: 256,
        ..AgentSettings::default()
    };
    let mut pair = Pair::running(EngineSettings::default(), settings);
    let names = ["a".repeat(300), "b".repeat(300)];
    let payload = messages(&[names[0].as_str(), names[1].as_str()]);
    pair.engine.notify(&payload, &mut pair.to_agent).unwrap();
    assert_eq!(pair.to_agent.len(), payload.len() + 3 * (4 + 7));
    assert_eq!(
        pair.agent_hears(),
        format!("Notify 1/1 {}", names.join(" "))
    );
}

#[test]
fn a_frame_that_an_agent_must_not_send_ends_the_connection() {
    let cases = [
        (
            frame(FrameType::ACK, Flags::NONE, (1, 1), b""),
            Status::NO_FRAGMENTATION,
        ),
        (
            frame(FrameType::UNSET, Flags::FIN, (1, 1), b""),
            Status::INVALID_FRAME,
        ),
        (notify((1, 1), &["a"]), Status::INVALID_FRAME),
        (256_u32.to_be_bytes().to_vec(), Status::FRAME_TOO_BIG),
        (0_u32.to_be_bytes().to_vec(), Status::INVALID_FRAME),
    ];
    for (bytes, status) in cases {
        let mut engine = with_agent("pipelining");
        engine.notify(b"", &mut Vec::new()).unwrap();
        let mut out = Vec::new();
        let events = engine_events(&mut engine, &bytes, &mut out);
        assert!(events.starts_with("Refused("), "{events}");
        assert_eq!(disconnect(FrameType::HAPROXY_DISCONNECT, &out), status);
    }
}

#[test]
fn an_unknown_frame_type_is_ignored() {
    let mut engine = with_agent("");
    let mut out = Vec::new();
    let bytes = frame(FrameType::from_code(200), Flags::NONE, (9, 9), b"what");
    assert_eq!(engine_events(&mut engine, &bytes, &mut out), "");
    assert!(out.is_empty() && engine.is_running());
}

#[test]
fn after_its_disconnect_the_engine_ignores_all_but_the_agents_disconnect() {
    let mut engine = with_agent("pipelining");
    let mut out = Vec::new();
    engine.notify(b"", &mut out).unwrap();
    out.clear();
    engine.disconnect(Status::NORMAL.into(), &mut out);
    engine.disconnect(Status::TIMEOUT.into(), &mut out);
    assert_eq!(
        disconnect(FrameType::HAPROXY_DISCONNECT, &out),
        Status::NORMAL
    );
    assert_eq!(engine.notify(b"", &mut out), Err(NotifyError::NotRunning));
    assert_eq!(engine_events(&mut engine, &ack((1, 1)), &mut out), "");
    let mut bytes = Vec::new();
    Disconnect::from(Status::NORMAL).encode(FrameType::AGENT_DISCONNECT, &mut bytes);
    bytes.extend(ack((1, 1)));
    let events = engine_events(&mut engine, &bytes, &mut out);
    assert_eq!(
        events,
        format!("Disconnect({:?})", Disconnect::from(Status::NORMAL))
    );
    assert!(engine.is_over());
}

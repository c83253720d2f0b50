//! The agent's session: what it answers, hands out and refuses.
//!
//! It knows the other end only as bytes and as the engine's session.

use super::*;

const VERSIONS: (&str, Value<'_>) = ("supported-versions", Value::String(b"2.0"));
const SIZE: (&str, Value<'_>) = ("max-frame-size", Value::Uint32(16380));
const CAPABILITIES: (&str, Value<'_>) = ("capabilities", Value::String(b""));

fn answer_to(keys: &[(&str, Value<'_>)]) -> (String, Vec<u8>) {
    let mut out = Vec::new();
    let mut agent = AgentSession::new(AgentSettings::default());
    let bytes = hello(FrameType::HAPROXY_HELLO, keys);
    let events = agent_events(&mut agent, &bytes, &mut out);
    (events, out)
}

#[test]
fn the_agent_hello_is_one_frame_with_all_three_keys() {
    let (_, out) = answer_to(&[VERSIONS, SIZE, CAPABILITIES]);
    let expected = hello(
        FrameType::AGENT_HELLO,
        &[
            ("version", "2.0".into()),
            ("max-frame-size", Value::Uint32(16380)),
            ("capabilities", "pipelining,fragmentation".into()),
        ],
    );
    assert_eq!(out, expected);
}

#[test]
fn a_session_that_refuses_health_checks_answers_other_hellos() {
    let check = ("healthcheck", Value::Bool(true));
    for (keys, refused) in [
        (vec![VERSIONS, SIZE, CAPABILITIES, check], true),
        (vec![VERSIONS, SIZE, CAPABILITIES], false),
    ] {
        let mut out = Vec::new();
        let mut agent = AgentSession::new(AgentSettings::default());
        agent.refuse_health_checks();
        let bytes = hello(FrameType::HAPROXY_HELLO, &keys);
        let events = agent_events(&mut agent, &bytes, &mut out);
        assert_eq!(
            events.starts_with("HealthCheckRefused"),
            refused,
            "{events}"
        );
        assert_eq!(agent.is_running(), !refused);
        if refused {
            assert_eq!(
                disconnect(FrameType::AGENT_DISCONNECT, &out),
                Status::NORMAL
            );
        }
    }
}

#[test]
fn a_hello_is_refused_with_the_status_that_says_why() {
    let versions = |list| ("supported-versions", Value::String(list));
    let size = |size| ("max-frame-size", size);
    let cases: [(&[(&str, Value<'_>)], Status); 8] = [
        (&[SIZE, CAPABILITIES], Status::NO_VERSION),
        (&[VERSIONS, CAPABILITIES], Status::NO_MAX_FRAME_SIZE),
        (&[VERSIONS, SIZE], Status::NO_CAPABILITIES),
        (&[versions(b"1.0"), SIZE, CAPABILITIES], Status::BAD_VERSION),
        (
            &[versions(b"3.0, 1.0"), SIZE, CAPABILITIES],
            Status::BAD_VERSION,
        ),
        (
            &[VERSIONS, size(Value::Uint32(255)), CAPABILITIES],
            Status::BAD_MAX_FRAME_SIZE,
        ),
        (
            &[VERSIONS, size(Value::Int64(-1)), CAPABILITIES],
            Status::BAD_MAX_FRAME_SIZE,
        ),
        (
            &[VERSIONS, size(Value::Null), CAPABILITIES],
            Status::BAD_MAX_FRAME_SIZE,
        ),
    ];
    for (keys, status) in cases {
        let (events, out) = answer_to(keys);
        assert_eq!(events, format!("Refused(Hello({status:?}))"));
        assert_eq!(disconnect(FrameType::AGENT_DISCONNECT, &out), status);
    }
}

#[test]
fn optional_and_new_keys_of_a_hello_are_not_a_reason_to_refuse() {
    let cases: [&[(&str, Value<'_>)]; 4] = [
        &[
            VERSIONS,
            SIZE,
            CAPABILITIES,
            ("later", Value::Bool(true)),
            ("", Value::Null),
        ],
        &[
            ("supported-versions", " 3.0 , 2.0".into()),
            SIZE,
            CAPABILITIES,
        ],
        // SPOE.txt 3.2.4: 2.1 says 2.0 as well.
        &[("supported-versions", "2.1".into()), SIZE, CAPABILITIES],
        &[
            VERSIONS,
            ("max-frame-size", Value::Int64(256)),
            CAPABILITIES,
            ("engine-id", Value::Null),
        ],
    ];
    for keys in cases {
        let (events, _) = answer_to(keys);
        assert!(events.starts_with("Hello("), "{keys:?}: {events}");
    }
}

#[test]
fn the_smaller_frame_size_is_used() {
    for (ours, theirs, agreed) in [
        (1 << 20, 16380, 16380),
        (1024, 16380, 1024),
        (0, 16380, 256),
    ] {
        let pair = Pair::running(
            EngineSettings {
                max_frame_size: theirs,
                ..EngineSettings::default()
            },
            AgentSettings {
                max_frame_size: ours,
                ..AgentSettings::default()
            },
        );
        assert_eq!(pair.agent.max_frame_size(), agreed);
        assert_eq!(pair.engine.max_frame_size(), agreed);
    }
}

#[test]
fn a_long_first_frame_is_refused() {
    let mut agent = AgentSession::new(AgentSettings::default());
    let mut out = Vec::new();
    let events = agent_events(&mut agent, &4097_u32.to_be_bytes(), &mut out);
    assert_eq!(
        events,
        "Refused(Frame(FrameTooBig { size: 4097, limit: 4096 }))"
    );
    assert_eq!(
        disconnect(FrameType::AGENT_DISCONNECT, &out),
        Status::FRAME_TOO_BIG
    );
}

#[test]
fn a_peer_that_speaks_another_protocol_gets_no_answer() {
    for (first, foreign) in [
        (&b"GET / HTTP/1.1\r\n"[..], "Http"),
        (&b"\x16\x03\x01\x02\x00\x01"[..], "Tls"),
        (&b"PROXY TCP4 "[..], "Proxy"),
        (&b"\r\n\r\n\0\r\nQUIT\n"[..], "Proxy"),
    ] {
        let mut agent = AgentSession::new(AgentSettings::default());
        let mut out = Vec::new();
        let events = agent_events(&mut agent, first, &mut out);
        assert_eq!(events, format!("Refused(Foreign({foreign}))"));
        assert!(out.is_empty(), "{foreign}");
        assert!(agent.is_over());
    }
}

#[test]
fn a_notify_needs_a_hello_before_it() {
    let mut agent = AgentSession::new(AgentSettings::default());
    let mut out = Vec::new();
    let events = agent_events(&mut agent, &notify((1, 1), &["a"]), &mut out);
    assert_eq!(events, "Refused(Unexpected(NOTIFY))");
    assert_eq!(
        disconnect(FrameType::AGENT_DISCONNECT, &out),
        Status::INVALID_FRAME
    );
}

#[test]
fn notifies_arrive_with_their_ids_and_messages() {
    let mut pair = running_agent();
    // HAProxy ≤ 3.0 numbers streams from 0; early 3.x can send a NOTIFY without messages.
    pair.to_agent.extend(notify((0, 1), &["a", "b"]));
    pair.to_agent.extend(notify((0, 2), &[]));
    pair.to_agent.extend(notify((u64::MAX, u64::MAX), &["c"]));
    let events = pair.agent_hears();
    let max = u64::MAX;
    assert_eq!(
        events,
        format!("Notify 0/1 a b\nNotify 0/2 \nNotify {max}/{max} c")
    );
    assert!(pair.to_engine.is_empty());
}

#[test]
fn an_unreadable_notify_is_answered_and_the_next_one_read() {
    let mut pair = running_agent();
    // As HAProxy sends a message of 257 arguments: its count wraps to 1.
    let mut wrapped = b"\x01m\x01".to_vec();
    for _ in 0..257 {
        wrapped.extend(b"\x01n\x08\x0212");
    }
    pair.to_agent
        .extend(frame(FrameType::NOTIFY, Flags::FIN, (1, 1), &wrapped));
    pair.to_agent.extend(notify((3, 1), &["good"]));
    let events = pair.agent_hears();
    let (first, second) = events.split_once('\n').unwrap();
    assert!(
        first.starts_with("Unreadable { ids: FrameIds { stream_id: 1, frame_id: 1 }"),
        "{first}"
    );
    assert_eq!(second, "Notify 3/1 good");
    assert_eq!(pair.to_engine, ack((1, 1)));
}

#[test]
fn a_frame_over_the_size_ends_the_connection() {
    let mut pair = running_agent();
    pair.to_agent.extend(16381_u32.to_be_bytes());
    let events = pair.agent_hears();
    assert_eq!(
        events,
        "Refused(Frame(FrameTooBig { size: 16381, limit: 16380 }))"
    );
    assert_eq!(
        disconnect(FrameType::AGENT_DISCONNECT, &pair.to_engine),
        Status::FRAME_TOO_BIG
    );
}

#[test]
fn unknown_and_aborted_frames_are_ignored() {
    let mut pair = running_agent();
    pair.to_agent.extend(frame(
        FrameType::from_code(77),
        Flags::NONE,
        (9, 9),
        b"what",
    ));
    pair.to_agent.extend(frame(
        FrameType::NOTIFY,
        Flags::from_bits(3),
        (1, 1),
        &messages(&["gone"]),
    ));
    pair.to_agent
        .extend(frame(FrameType::NOTIFY, Flags::ABORT, (3, 1), b""));
    pair.to_agent.extend(notify((5, 1), &["here"]));
    assert_eq!(pair.agent_hears(), "Notify 5/1 here");
    assert!(pair.to_engine.is_empty());
}

#[test]
fn a_disconnect_is_answered_and_later_bytes_are_ignored() {
    let mut pair = running_agent();
    let said = Disconnect {
        status: Status::TIMEOUT,
        message: "idle",
    };
    said.encode(FrameType::HAPROXY_DISCONNECT, &mut pair.to_agent);
    pair.to_agent.extend(notify((1, 1), &["late"]));
    assert_eq!(pair.agent_hears(), format!("Disconnect({said:?})"));
    assert_eq!(
        disconnect(FrameType::AGENT_DISCONNECT, &pair.to_engine),
        Status::NORMAL
    );
    assert!(pair.agent.is_over());
}

#[test]
fn a_disconnect_that_cannot_be_read_still_ends_the_session() {
    let mut pair = running_agent();
    pair.to_agent.extend(frame(
        FrameType::HAPROXY_DISCONNECT,
        Flags::FIN,
        (0, 0),
        b"\xff",
    ));
    assert!(
        pair.agent_hears()
            .starts_with("Disconnect(Disconnect { status: UNKNOWN")
    );
    assert_eq!(
        disconnect(FrameType::AGENT_DISCONNECT, &pair.to_engine),
        Status::NORMAL
    );
}

#[test]
fn disconnect_is_sent_once() {
    let mut pair = running_agent();
    pair.agent
        .disconnect(Status::NORMAL.into(), &mut pair.to_engine);
    pair.agent
        .disconnect(Status::TIMEOUT.into(), &mut pair.to_engine);
    assert_eq!(
        disconnect(FrameType::AGENT_DISCONNECT, &pair.to_engine),
        Status::NORMAL
    );
}

#[test]
fn fragments_beyond_the_limit_are_answered_when_they_end() {
    let mut pair = Pair::running(
        EngineSettings::default(),
        AgentSettings {
            max_reassembled: 5,
            ..AgentSettings::default()
        },
    );
    pair.to_agent
        .extend(frame(FrameType::NOTIFY, Flags::NONE, (0, 1), b"abc"));
    pair.to_agent
        .extend(frame(FrameType::UNSET, Flags::NONE, (0, 1), b"def"));
    assert_eq!(pair.agent_hears(), "");
    pair.to_agent
        .extend(frame(FrameType::UNSET, Flags::FIN, (0, 1), b"g"));
    assert!(pair.agent_hears().ends_with("reason: TooLarge(5) }"));
    assert_eq!(pair.to_engine, ack((0, 1)));
}

#[test]
fn fragments_out_of_order_end_the_connection() {
    let mut pair = running_agent();
    pair.to_agent
        .extend(frame(FrameType::UNSET, Flags::FIN, (0, 1), b""));
    assert_eq!(pair.agent_hears(), "Refused(Fragments(INTERLACED_FRAMES))");
    assert_eq!(
        disconnect(FrameType::AGENT_DISCONNECT, &pair.to_engine),
        Status::INTERLACED_FRAMES
    );
}

#[test]
fn fragments_that_were_not_announced_end_the_connection() {
    let mut pair = Pair::running(
        EngineSettings::default(),
        AgentSettings {
            max_reassembled: 0,
            ..AgentSettings::default()
        },
    );
    assert!(
        !pair
            .engine
            .capabilities()
            .contains(Capabilities::FRAGMENTATION)
    );
    pair.to_agent
        .extend(frame(FrameType::NOTIFY, Flags::NONE, (0, 1), b""));
    assert_eq!(pair.agent_hears(), "Refused(Fragments(NO_FRAGMENTATION))");
}

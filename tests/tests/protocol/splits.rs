//! How bytes were split over reads makes no difference: the same events, the same answers.

use crate::strategies::*;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use spoa::spop::session::{AgentSession, AgentSettings, EngineSession, EngineSettings};
use spoa::spop::{AckWriter, Disconnect, Flags, Frame, FrameIds, FrameType, Status};
use spoa_test_support::hello;

/// The events and frames of a session after its reads.
#[derive(Debug, PartialEq)]
struct Conversation {
    events: Vec<String>,
    answers: Vec<u8>,
    unread: Vec<u8>,
}

/// Runs a session over reads as a connection does: what was not used comes again with the next read.
macro_rules! converse {
    ($session:expr, $reads:expr) => {{
        let mut session = $session;
        let (mut events, mut answers, mut unread) = (Vec::new(), Vec::new(), Vec::new());
        for read in $reads {
            unread.extend_from_slice(read);
            loop {
                let received = session.receive(&unread, &mut answers);
                let (used, event) = (
                    received.used,
                    received.event.map(|event| format!("{event:?}")),
                );
                unread.drain(..used);
                match event {
                    Some(event) => events.push(event),
                    None => break,
                }
            }
        }
        Conversation {
            events,
            answers,
            unread,
        }
    }};
}

/// Returns these bytes cut at these places.
fn cut<'a>(bytes: &'a [u8], at: &[Index]) -> Vec<&'a [u8]> {
    let mut places: Vec<_> = at.iter().map(|at| at.index(bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places
        .windows(2)
        .map(|pair| &bytes[pair[0]..pair[1]])
        .collect()
}

/// Few ids, so that fragments and ACKs often have the ids of an earlier frame.
fn few_ids() -> impl Strategy<Value = FrameIds> {
    (0_u64..4, 1_u64..3).prop_map(|(stream_id, frame_id)| FrameIds {
        stream_id,
        frame_id,
    })
}

fn frame_of(
    frame_types: &'static [FrameType],
    flags: &'static [Flags],
) -> impl Strategy<Value = Vec<u8>> {
    let payload = prop_oneof![
        messages(2).prop_map(|messages| payload(&messages)),
        vec(any::<u8>(), 0..30),
    ];
    (select(frame_types), select(flags), few_ids(), payload).prop_map(
        |(frame_type, flags, ids, payload)| {
            encoded(|out| {
                Frame {
                    frame_type,
                    flags,
                    ids,
                    payload: &payload,
                }
                .encode(out)
            })
        },
    )
}

fn disconnect(frame_type: FrameType) -> Vec<u8> {
    encoded(|out| Disconnect::from(Status::NORMAL).encode(frame_type, out))
}

/// Frames that HAProxy could send after its HELLO, for the most part.
fn from_haproxy() -> impl Strategy<Value = Vec<u8>> {
    const FRAGMENTS: &[Flags] = &[Flags::NONE, Flags::NONE, Flags::FIN, Flags::ABORT];
    let piece = prop_oneof![
        20 => frame_of(&[FrameType::NOTIFY], &[Flags::FIN]),
        20 => frame_of(&[FrameType::NOTIFY, FrameType::UNSET], FRAGMENTS),
        5 => frame_of(const { &[FrameType::from_code(42)] }, FRAGMENTS),
        1 => Just(disconnect(FrameType::HAPROXY_DISCONNECT)),
        1 => frame(),
        1 => vec(any::<u8>(), 0..10),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Frames that an agent could send after its HELLO, for the most part.
fn from_agent() -> impl Strategy<Value = Vec<u8>> {
    let ack = (few_ids(), vec(action(), 0..3)).prop_map(|(ids, actions)| {
        encoded(|out| {
            let mut ack = AckWriter::begin(ids, out);
            for action in &actions {
                ack.action(&as_action(action));
            }
            ack.finish();
        })
    });
    let piece = prop_oneof![
        20 => ack,
        5 => frame_of(const { &[FrameType::from_code(200)] }, &[Flags::NONE]),
        1 => Just(disconnect(FrameType::AGENT_DISCONNECT)),
        1 => frame(),
        1 => vec(any::<u8>(), 0..10),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

fn agent_hello() -> Vec<u8> {
    let mut agent = AgentSession::new(AgentSettings::default());
    encoded(|out| {
        agent.receive(&hello(16380), out);
    })
}

/// A session that waits for the agent's HELLO, or has NOTIFYs in flight.
fn engine(running: bool) -> EngineSession {
    let mut engine = EngineSession::new(EngineSettings::default());
    let mut out = Vec::new();
    engine.hello(&mut out);
    if running {
        engine.receive(&agent_hello(), &mut out);
        for stream_id in 0..3 {
            let ids = FrameIds {
                stream_id,
                frame_id: 1,
            };
            engine.notify_as(ids, b"", &mut out).unwrap();
        }
    }
    engine
}

proptest! {
    #[test]
    fn the_agents_session_does_not_see_where_reads_end(
        frames in from_haproxy(),
        at in vec(any::<Index>(), 0..20),
        max_reassembled in select(&[0_usize, 60, 100_000]),
    ) {
        let mut settings = AgentSettings::default();
        settings.max_reassembled = max_reassembled;
        let bytes = [hello(16380), frames].concat();
        let whole = converse!(AgentSession::new(settings), [&bytes[..]]);
        prop_assert!(whole.events[0].starts_with("Hello("));
        prop_assert_eq!(&converse!(AgentSession::new(settings), cut(&bytes, &at)), &whole);
        prop_assert_eq!(&converse!(AgentSession::new(settings), bytes.chunks(1)), &whole);
    }

    #[test]
    fn the_engines_session_does_not_see_where_reads_end(
        frames in from_agent(),
        at in vec(any::<Index>(), 0..20),
        running in any::<bool>(),
    ) {
        let bytes = if running {
frames
} else {
[agent_hello(), frames].concat()
        };
        let whole = converse!(engine(running), [&bytes[..]]);
        prop_assert_eq!(&converse!(engine(running), cut(&bytes, &at)), &whole);
        prop_assert_eq!(&converse!(engine(running), bytes.chunks(1)), &whole);
    }
}

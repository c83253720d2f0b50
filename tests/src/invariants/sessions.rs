//! The invariants of the decoders and of both sessions.
//!
//! It knows neither sockets nor handlers.

use super::{Input, MAX_REASSEMBLED, expected, frames};
use spoa::spop::session::{
    AgentEvent, AgentSession, AgentSettings, EngineEvent, EngineSession, EngineSettings,
};
use spoa::spop::{
    AckWriter, ActionIter, AgentHello, Disconnect, Frame, FrameIds, FrameType, HaproxyHello,
    Messages, Value, varint,
};
use spoa_test_support::hello;

/// Bytes as everything they could be: nothing panics, what was checked can be walked to its end, and
/// a frame is written back to one that is read the same.
///
/// # Panics
/// If that does not hold.
pub fn frame_decoder(bytes: &[u8]) {
    let _ = varint::decode(bytes);
    let _ = Value::decode(bytes).map(|(value, _)| value.to_string());
    let mut rest = bytes;
    while let Ok(Some(frame)) = Frame::split(&mut rest, u32::MAX) {
        let mut again = Vec::new();
        frame.encode(&mut again);
        let again = Frame::split(&mut &again[..], u32::MAX);
        assert_eq!(again, Ok(Some(frame)));
        payload(frame.payload);
    }
    payload(bytes);
}

fn payload(bytes: &[u8]) {
    let _ = HaproxyHello::decode(bytes);
    let _ = AgentHello::decode(bytes);
    let _ = Disconnect::decode(bytes);
    let actions = ActionIter::new(bytes).filter_map(Result::ok);
    let shown: Vec<_> = actions.map(|action| action.to_string()).collect();
    assert!(shown.len() <= bytes.len());
    for message in Messages::parse(bytes).into_iter().flatten() {
        assert_eq!(
            message.args().iter().count(),
            message.len(),
            "{}",
            message.name()
        );
    }
}

/// The events and frames of a session after its reads.
#[derive(Debug, PartialEq)]
struct Conversation {
    events: Vec<String>,
    acks: Vec<(FrameIds, Option<Vec<u8>>)>,
    answers: Vec<u8>,
    over: bool,
}

fn agent(reads: impl Iterator<Item = impl AsRef<[u8]>>) -> Conversation {
    let mut settings = AgentSettings::default();
    settings.max_reassembled = MAX_REASSEMBLED;
    let mut session = AgentSession::new(settings);
    let (mut events, mut acks) = (Vec::new(), Vec::new());
    let (mut answers, mut unread) = (Vec::new(), Vec::new());
    for read in reads {
        unread.extend_from_slice(read.as_ref());
        let mut used = 0;
        loop {
            let received = session.receive(&unread[used..], &mut answers);
            assert!(received.event.is_none() || received.used > 0);
            used += received.used;
            let Some(event) = received.event else { break };
            events.push(format!("{event:?}"));
            match event {
                AgentEvent::Notify { ids, messages } => {
                    let count = messages.len();
                    assert_eq!(messages.iter().count(), count);
                    AckWriter::begin(ids, &mut answers).finish();
                    acks.push(ids);
                }
                AgentEvent::Unreadable { ids, .. } => acks.push(ids),
                _ => {}
            }
        }
        unread.drain(..used);
    }
    Conversation {
        events,
        acks: acks.into_iter().map(|ids| (ids, None)).collect(),
        over: session.is_over(),
        answers,
    }
}

/// Checks the agent's session: the ends of reads make no difference, and its answers follow the rules.
///
/// # Panics
/// If that does not hold.
pub fn agent_session(data: &[u8]) {
    let input = Input::new(data);
    let whole = agent([&input.bytes].into_iter());
    assert_eq!(agent(input.reads()), whole);

    let owed = expected(&input.bytes);
    let answers = frames(&whole.answers, 1 << 20);
    let of = |frame_type| answers.iter().filter(move |f| f.frame_type == frame_type);
    assert_eq!(of(FrameType::AGENT_HELLO).count(), usize::from(owed.hello));
    let acks: Vec<_> = of(FrameType::ACK).map(|frame| frame.ids).collect();
    let ids: Vec<_> = owed.acks.iter().map(|(ids, _)| *ids).collect();
    assert_eq!(acks, ids, "one ACK for each whole NOTIFY, in their order");
    let disconnects = of(FrameType::AGENT_DISCONNECT).count();
    assert_eq!(disconnects, usize::from(owed.disconnect));
    assert_eq!(whole.over, owed.disconnect || owed.silent);
}

/// Fragments through the agent's session: each payload comes out as its fragments were, or is given
/// up with an ACK of its own.
///
/// # Panics
/// If that does not hold.
pub fn reassembly(data: &[u8]) {
    let bytes = [hello(super::MAX_FRAME_SIZE), super::framed(data)].concat();
    let mut settings = AgentSettings::default();
    settings.max_reassembled = MAX_REASSEMBLED;
    let mut session = AgentSession::new(settings);
    let mut owed = expected(&bytes).acks.into_iter();
    let (mut rest, mut out) = (&bytes[..], Vec::new());
    loop {
        let received = session.receive(rest, &mut out);
        rest = &rest[received.used..];
        match received.event {
            None => break,
            Some(AgentEvent::Notify { ids, messages }) => {
                let (expected, payload) = owed.next().expect("a NOTIFY that nobody sent");
                let payload = payload.expect("more than may be held");
                assert_eq!(ids, expected);
                let sent = Messages::parse(&payload).expect("what was read can be read");
                let shown = |messages: Messages<'_>| -> Vec<_> {
                    let shown = messages
                        .iter()
                        .map(|m| (m.name().as_bytes().to_vec(), args(m)));
                    shown.collect()
                };
                assert_eq!(shown(messages), shown(sent));
            }
            Some(AgentEvent::Unreadable { ids, .. }) => {
                let (expected, payload) = owed.next().expect("a NOTIFY that nobody sent");
                assert_eq!(ids, expected);
                assert!(payload.is_none_or(|payload| Messages::parse(&payload).is_err()));
            }
            Some(_) => {}
        }
    }
    assert_eq!(owed.next(), None, "every whole NOTIFY comes out");
}

fn args(message: spoa::spop::Message<'_>) -> Vec<String> {
    message
        .args()
        .iter()
        .map(|arg| format!("{arg:?}"))
        .collect()
}

fn engine(running: bool, reads: impl Iterator<Item = impl AsRef<[u8]>>) -> Conversation {
    let mut session = EngineSession::new(EngineSettings::default());
    let mut out = Vec::new();
    session.hello(&mut out);
    if running {
        let mut said = Vec::new();
        AgentSession::new(AgentSettings::default()).receive(&out, &mut said);
        session.receive(&said, &mut out);
        for stream_id in 0..3 {
            let ids = FrameIds {
                stream_id,
                frame_id: 1,
            };
            session.notify_as(ids, b"", &mut out).expect("it runs");
        }
    }
    let (mut events, mut acks) = (Vec::new(), Vec::new());
    let (mut answers, mut unread) = (Vec::new(), Vec::new());
    for read in reads {
        unread.extend_from_slice(read.as_ref());
        let mut used = 0;
        loop {
            let received = session.receive(&unread[used..], &mut answers);
            assert!(received.event.is_none() || received.used > 0);
            used += received.used;
            let Some(event) = received.event else { break };
            events.push(format!("{event:?}"));
            if let EngineEvent::Ack { ids, .. } = event {
                acks.push((ids, None));
            }
        }
        unread.drain(..used);
    }
    Conversation {
        events,
        acks,
        answers,
        over: session.is_over(),
    }
}

/// Checks the engine's session: the ends of reads make no difference, no NOTIFY is answered twice, and it
/// sends a DISCONNECT once.
///
/// # Panics
/// If that does not hold.
pub fn engine_session(data: &[u8]) {
    let running = data.get(1).is_some_and(|how| how & 1 == 1);
    let mut data = data.to_vec();
    if let Some(how) = data.get_mut(1) {
        // HAProxy's HELLO is nothing an agent says.
        *how &= !1;
    }
    let input = Input::new(&data);
    let whole = engine(running, [&input.bytes].into_iter());
    assert_eq!(engine(running, input.reads()), whole);

    let mut ids: Vec<_> = whole.acks.iter().map(|(ids, _)| *ids).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), whole.acks.len(), "answered twice");
    assert!(ids.iter().all(|ids| running && ids.stream_id < 3));
    let said = frames(&whole.answers, 16380);
    let disconnect = FrameType::HAPROXY_DISCONNECT;
    assert!(said.len() <= 1 && said.iter().all(|frame| frame.frame_type == disconnect));
}

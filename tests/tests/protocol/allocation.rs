//! Reading allocates nothing, and a session no more than in proportion to what arrived.
//!
//! It knows nothing of how that is done. It counts the allocations of its own thread.

use crate::strategies::*;
use allocation_counter::measure;
use proptest::collection::vec;
use proptest::prelude::*;
use spoa::spop::session::{AgentEvent, AgentSession, AgentSettings, EngineSession, EngineSettings};
use spoa::spop::{
    AckWriter, Action, ActionIter, AgentHello, Disconnect, Frame, HaproxyHello, Messages,
    NotifyWriter, Scope, Value,
};

/// Both ends after their HELLOs, and what HAProxy's end sends next.
fn running(settings: AgentSettings) -> (AgentSession, EngineSession) {
    let mut engine = EngineSession::new(EngineSettings::default());
    let mut agent = AgentSession::new(settings);
    let (mut to_agent, mut to_engine) = (Vec::new(), Vec::new());
    engine.hello(&mut to_agent);
    agent.receive(&to_agent, &mut to_engine);
    engine.receive(&to_engine, &mut to_agent);
    assert!(agent.is_running() && engine.is_running());
    (agent, engine)
}

#[test]
fn allocations_are_counted_at_all() {
    let info = measure(|| drop(std::hint::black_box(vec![0_u8; 1000])));
    assert_eq!((info.count_total, info.bytes_total), (1, 1000));
}

#[test]
fn a_notify_and_its_ack_cost_no_allocation() {
    let (mut agent, mut engine) = running(AgentSettings::default());
    let (mut to_agent, mut to_engine) = (Vec::new(), Vec::with_capacity(100));
    let args = [
        ("a", "one".into()),
        ("b", "two".into()),
        ("c", Value::Int64(-3)),
    ];
    let payload = encoded(|out| {
        NotifyWriter::new(out).message("m", &args);
    });
    engine.notify(&payload, &mut to_agent).unwrap();
    let mut seen = 0;
    let info = measure(|| {
        if let Some(AgentEvent::Notify { ids, messages }) =
            agent.receive(&to_agent, &mut to_engine).event
        {
            for message in messages {
                seen += message
                    .args()
                    .iter()
                    .filter(|arg| message.get("c") == Some(arg.value))
                    .count();
            }
            let mut ack = AckWriter::begin(ids, &mut to_engine);
            let (scope, name) = (Scope::Session, "score".into());
            ack.action(&Action::SetVar {
                scope,
                name,
                value: Value::Int32(-1),
            });
            ack.finish();
        }
    });
    assert_eq!((seen, info.count_total), (1, 0));
    let mut count = 0;
    let info = measure(|| {
        let event = engine.receive(&to_engine, &mut to_agent).event;
        if let Some(spoa::spop::session::EngineEvent::Ack { actions, .. }) = event {
            count = actions.count();
        }
    });
    assert_eq!((count, info.count_total), (1, 0));
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_allocate(frame in frame(), damage in damage()) {
        let bytes = damaged(frame, &damage);
        let info = measure(|| {
            for bytes in [&bytes[..], bytes.get(11..).unwrap_or_default()] {
                let _ = Value::decode(bytes);
                let _ = Frame::split(&mut &bytes[..], u32::MAX);
                let _ = HaproxyHello::decode(bytes);
                let _ = AgentHello::decode(bytes);
                let _ = Disconnect::decode(bytes);
                ActionIter::new(bytes).for_each(drop);
                for message in Messages::parse(bytes).into_iter().flatten() {
                    message.args().iter().for_each(drop);
                }
            }
        });
        prop_assert_eq!(info.count_total, 0);
    }

    #[test]
    fn a_session_holds_no_more_than_what_arrived(
        frames in vec(frame(), 0..20),
        damage in damage(),
        announced in any::<bool>(),
    ) {
        let max_reassembled = if announced { 256 << 10 } else { 0 };
        let bytes = damaged(frames.concat(), &damage);
        let mut settings = AgentSettings::default();
        settings.max_reassembled = max_reassembled;
        let (mut agent, mut engine) = running(settings);
        engine.notify(b"", &mut Vec::new()).unwrap();
        // Room for every answer: at most an ACK for each frame, and a DISCONNECT.
        let mut out = Vec::with_capacity(bytes.len() * 4 + 1000);
        let info = measure(|| {
            let mut rest = &bytes[..];
            loop {
                let received = agent.receive(rest, &mut out);
                rest = &rest[received.used..];
                if received.event.is_none() {
                    break;
                }
            }
            let mut rest = &bytes[..];
            loop {
                let received = engine.receive(rest, &mut out);
                rest = &rest[received.used..];
                if received.event.is_none() {
                    break;
                }
            }
        });
        // A growing buffer may have twice the size of what it holds, and for a moment the old one is
        // there as well; the list of unfinished frames is bounded.
        let limit = 3 * bytes.len() as u64 + 8192;
        prop_assert!(info.bytes_max <= limit, "{} bytes for {}", info.bytes_max, bytes.len());
    }
}

#[test]
fn an_announced_length_is_not_allocated() {
    for length in [16380_u32, 1 << 20, u32::MAX] {
        let (mut agent, mut engine) = running(AgentSettings::default());
        let mut out = Vec::with_capacity(1000);
        let bytes = [&length.to_be_bytes()[..], &[3, 0, 0, 0, 1, 1, 1]].concat();
        let info = measure(|| {
            agent.receive(&bytes, &mut out);
            engine.receive(&bytes, &mut out);
        });
        assert_eq!(info.count_total, 0, "{length}");
    }
}

#[test]
fn a_reassembled_payload_is_freed_at_the_next_read() {
    let (mut agent, mut engine) = running(AgentSettings::default());
    let (mut to_agent, mut out) = (Vec::new(), Vec::new());
    let payload = encoded(|out| {
        let text = "x".repeat(100_000);
        NotifyWriter::new(out).message("m", &[("text", text.as_str().into())]);
    });
    engine.notify(&payload, &mut to_agent).unwrap();
    let mut heard = false;
    let info = measure(|| {
        let event = agent.receive(&to_agent, &mut out).event;
        heard = matches!(event, Some(AgentEvent::Notify { .. }));
        agent.receive(&[], &mut out);
    });
    assert!(heard && info.bytes_max >= 100_000);
    assert!(info.bytes_current < 10_000, "{} bytes", info.bytes_current);
}

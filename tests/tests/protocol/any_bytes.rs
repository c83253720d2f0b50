//! No bytes cause a panic, and reading them always ends.

use crate::strategies::*;
use proptest::collection::vec;
use proptest::prelude::*;
use spoa::spop::session::{AgentSession, AgentSettings, EngineSession, EngineSettings};
use spoa::spop::{
    ActionIter, AgentHello, Disconnect, Frame, HaproxyHello, Messages, Value, varint,
};

/// Reads `bytes` as everything they could be.
fn read_as_anything(bytes: &[u8]) {
    let _ = varint::decode(bytes);
    let _ = Value::decode(bytes).map(|(value, _)| value.to_string());
    let _ = Frame::split(&mut &bytes[..], 1 << 20);
    let _ = Frame::decode(bytes);
    let _ = HaproxyHello::decode(bytes);
    let _ = AgentHello::decode(bytes);
    let _ = Disconnect::decode(bytes);
    let actions = ActionIter::new(bytes).filter_map(Result::ok);
    let shown: Vec<_> = actions.map(|action| action.to_string()).collect();
    assert!(shown.len() <= bytes.len());
    if let Ok(messages) = Messages::parse(bytes) {
        for message in messages {
            // A checked payload can be walked to its end.
            assert_eq!(message.args().iter().count(), message.len());
        }
    }
}

/// Bytes that are not quite frames, and some that are.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let nearly = (vec(frame(), 1..4), damage())
        .prop_map(|(frames, damage)| damaged(frames.concat(), &damage));
    prop_oneof![4 => nearly, 1 => vec(any::<u8>(), 0..200)]
}

/// Both sessions, each at the beginning and after the HELLOs.
fn sessions() -> ([AgentSession; 2], [EngineSession; 2]) {
    let agents = [(); 2].map(|()| AgentSession::new(AgentSettings::default()));
    let engines = [(); 2].map(|()| EngineSession::new(EngineSettings::default()));
    let ([fresh_agent, mut agent], [mut fresh_engine, mut engine]) = (agents, engines);
    let (mut to_agent, mut to_engine) = (Vec::new(), Vec::new());
    fresh_engine.hello(&mut Vec::new());
    engine.hello(&mut to_agent);
    agent.receive(&to_agent, &mut to_engine);
    engine.receive(&to_engine, &mut to_agent);
    engine.notify(b"", &mut to_agent).unwrap();
    assert!(agent.is_running() && engine.is_running());
    ([fresh_agent, agent], [fresh_engine, engine])
}

proptest! {
    #[test]
    fn no_bytes_make_a_decoder_panic(bytes in bytes()) {
        read_as_anything(&bytes);
        if let Ok(Some(frame)) = Frame::split(&mut &bytes[..], u32::MAX) {
            read_as_anything(frame.payload);
        }
    }

    #[test]
    fn no_bytes_make_a_session_panic_or_go_round_in_circles(bytes in bytes()) {
        let (mut agents, mut engines) = sessions();
        let mut out = Vec::new();
        for agent in &mut agents {
            let mut rest = &bytes[..];
            loop {
                let received = agent.receive(rest, &mut out);
                // An event costs bytes, so that events come to an end.
                prop_assert!(received.event.is_none() || received.used > 0);
                rest = &rest[received.used..];
                if received.event.is_none() {
                    break;
                }
            }
        }
        for engine in &mut engines {
            let mut rest = &bytes[..];
            loop {
                let received = engine.receive(rest, &mut out);
                prop_assert!(received.event.is_none() || received.used > 0);
                rest = &rest[received.used..];
                if received.event.is_none() {
                    break;
                }
            }
        }
        // The output consists of frames, whatever the input is.
        let mut rest = &out[..];
        while Frame::split(&mut rest, 16380).unwrap().is_some() {}
        prop_assert!(rest.is_empty());
    }
}

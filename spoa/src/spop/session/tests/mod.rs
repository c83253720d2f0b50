//! Conversations between the two ends, and of each end with a peer that says what it should not.
//!
//! Nothing here knows more than the public items of the protocol.

mod agent;
mod engine;

use super::*;
use crate::spop::*;

/// Both ends and what is on its way between them.
struct Pair {
    engine: EngineSession,
    agent: AgentSession,
    to_agent: Vec<u8>,
    to_engine: Vec<u8>,
}

impl Pair {
    /// Both ends after their HELLOs.
    fn running(engine: EngineSettings, agent: AgentSettings) -> Self {
        let mut pair = Pair {
            engine: EngineSession::new(engine),
            agent: AgentSession::new(agent),
            to_agent: Vec::new(),
            to_engine: Vec::new(),
        };
        pair.engine.hello(&mut pair.to_agent);
        assert!(pair.agent_hears().starts_with("Hello("));
        assert!(pair.engine_hears().starts_with("AgentHello("));
        pair
    }

    fn agent_hears(&mut self) -> String {
        let input = std::mem::take(&mut self.to_agent);
        agent_events(&mut self.agent, &input, &mut self.to_engine)
    }

    fn engine_hears(&mut self) -> String {
        let input = std::mem::take(&mut self.to_engine);
        engine_events(&mut self.engine, &input, &mut self.to_agent)
    }
}

/// The events as text, one a line.
fn agent_events(agent: &mut AgentSession, mut input: &[u8], out: &mut Vec<u8>) -> String {
    let mut lines = Vec::new();
    loop {
        let received = agent.receive(input, out);
        input = &input[received.used..];
        match received.event {
            Some(AgentEvent::Notify { ids, messages }) => {
                let names: Vec<_> = messages
                    .iter()
                    .map(|message| message.name().to_string())
                    .collect();
                lines.push(format!(
                    "Notify {}/{} {}",
                    ids.stream_id,
                    ids.frame_id,
                    names.join(" ")
                ));
            }
            Some(event) => lines.push(format!("{event:?}")),
            None => return lines.join("\n"),
        }
    }
}

fn engine_events(engine: &mut EngineSession, mut input: &[u8], out: &mut Vec<u8>) -> String {
    let mut lines = Vec::new();
    loop {
        let received = engine.receive(input, out);
        input = &input[received.used..];
        match received.event {
            Some(EngineEvent::Ack { ids, actions }) => {
                let count = actions.filter(Result::is_ok).count();
                lines.push(format!("Ack {}/{} {count}", ids.stream_id, ids.frame_id));
            }
            Some(event) => lines.push(format!("{event:?}")),
            None => return lines.join("\n"),
        }
    }
}

fn frame(frame_type: FrameType, flags: Flags, ids: (u64, u64), payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let (stream_id, frame_id) = ids;
    let ids = FrameIds {
        stream_id,
        frame_id,
    };
    Frame {
        frame_type,
        flags,
        ids,
        payload,
    }
    .encode(&mut out);
    out
}

fn hello(frame_type: FrameType, keys: &[(&str, Value<'_>)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (key, value) in keys {
        pairs::push(key, *value, &mut payload);
    }
    frame(frame_type, Flags::FIN, (0, 0), &payload)
}

fn messages(messages: &[&str]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut writer = NotifyWriter::new(&mut payload);
    for name in messages {
        writer.message(name, &[("n", Value::Int64(-1))]);
    }
    payload
}

fn notify(ids: (u64, u64), names: &[&str]) -> Vec<u8> {
    frame(FrameType::NOTIFY, Flags::FIN, ids, &messages(names))
}

fn ack(ids: (u64, u64)) -> Vec<u8> {
    frame(FrameType::ACK, Flags::FIN, ids, &[])
}

/// The status of the DISCONNECT that is all of `bytes`.
fn disconnect(frame_type: FrameType, mut bytes: &[u8]) -> Status {
    let frame = Frame::split(&mut bytes, 1 << 20).unwrap().unwrap();
    assert_eq!((frame.frame_type, bytes), (frame_type, &[][..]));
    Disconnect::decode(frame.payload).unwrap().status
}

fn running_agent() -> Pair {
    Pair::running(EngineSettings::default(), AgentSettings::default())
}

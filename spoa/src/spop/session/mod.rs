//! The two ends of a conversation, sans-IO: bytes in, events and bytes out.

mod agent;

pub use agent::{AgentEvent, AgentSession, AgentSettings, Foreign, Received, Refusal, Unreadable};

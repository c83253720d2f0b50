//! The two ends of a conversation, sans-IO: bytes in, events and bytes out.
//!
//! They know no socket and no clock; who reads, writes and waits is the caller's affair.

mod agent;
mod engine;
mod ids;
mod refusal;
#[cfg(test)]
mod tests;

pub use agent::{AgentEvent, AgentSession, AgentSettings, Unreadable};
pub use engine::{EngineEvent, EngineSession, EngineSettings, NotifyError};
pub use refusal::{Foreign, Refusal};

/// What a session made of some bytes.
#[derive(Debug)]
pub struct Received<E> {
    /// How many bytes of the input are done with.
    pub used: usize,
    /// What they held; `None` if more bytes are needed.
    pub event: Option<E>,
}

impl<E> Received<E> {
    fn new(used: usize, event: Option<E>) -> Self {
        Received { used, event }
    }
}

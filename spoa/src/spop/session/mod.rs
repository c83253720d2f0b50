//! The two ends of a conversation, sans-IO: bytes in, events and bytes out.
//!
//! The caller reads, writes and waits.

mod agent;
mod engine;
mod ids;
mod refusal;
#[cfg(test)]
mod tests;

pub use agent::{AgentEvent, AgentSession, AgentSettings, Unreadable};
pub use engine::{EngineEvent, EngineSession, EngineSettings, NotifyError};
pub use refusal::{Foreign, Refusal};

/// The result of receiving some bytes.
#[derive(Debug)]
pub struct Received<E> {
    /// The number of bytes of the input that are used up.
    pub used: usize,
    /// The event; `None` if more bytes are needed.
    pub event: Option<E>,
}

impl<E> Received<E> {
    fn new(used: usize, event: Option<E>) -> Self {
        Received { used, event }
    }
}

//! The connection and the frame that a message came with.

use super::{AfterWorkQueue, AfterWorkQueues, States, TransactionStore};
use crate::spop::FrameIds;
use crate::text::one_line;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Instant;

/// The connection and the frame that a message came with, and the deadline for its answer.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::Context;
///
/// #[spoe_message("log")]
/// fn log(path: Text<'_>, context: Context<'_>) {
///     println!("{} stream {}: {path}", context.peer(), context.stream_id());
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    pub(crate) connection: &'a ConnectionInfo,
    pub(crate) ids: FrameIds,
    pub(crate) deadline: Option<Instant>,
}

impl<'a> Context<'a> {
    /// Returns the engine-id of HAProxy's HELLO, or `None` if HAProxy sent none. HAProxy up to 3.0 has one engine-id for
    /// each thread; HAProxy from 3.1 on has one for each engine and process.
    #[must_use]
    pub fn engine_id(&self) -> Option<&'a str> {
        self.connection.engine_id.as_deref()
    }

    /// Returns the stream-id. HAProxy up to 3.0 counts its streams from 0.
    #[must_use]
    pub fn stream_id(&self) -> u64 {
        self.ids.stream_id
    }

    /// Returns the frame-id, which numbers the frames of a stream.
    #[must_use]
    pub fn frame_id(&self) -> u64 {
        self.ids.frame_id
    }

    /// Returns the other end of the connection: HAProxy, not its client.
    #[must_use]
    pub fn peer(&self) -> &'a Peer {
        &self.connection.peer
    }

    /// Returns the name of the agent.
    #[must_use]
    pub fn agent_name(&self) -> &'a str {
        &self.connection.agent.name
    }

    /// Returns the time at which the agent stops waiting for this handler; `None` if the handler has no deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }
}

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Peer {
    /// A TCP address.
    Tcp(SocketAddr),
    /// A client of a unix socket, which has no address of its own.
    Unix {
        /// The path of the agent's socket.
        local: PathBuf,
    },
    /// A client of an abstract unix socket, which prints as `abns@name`.
    Abstract {
        /// The name of the agent's socket.
        local: String,
    },
    /// The other half of a pipe in this process.
    Memory,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Peer::Tcp(address) => address.fmt(f),
            Peer::Unix { local } => f.write_str(&one_line(&local.display().to_string())),
            Peer::Abstract { local } => write!(f, "abns@{}", one_line(local)),
            Peer::Memory => f.write_str("memory"),
        }
    }
}

/// The properties that all connections of one agent share.
#[derive(Debug)]
pub(crate) struct AgentInfo {
    pub(crate) name: Box<str>,
    pub(crate) after_work: Arc<dyn AfterWorkQueues>,
    pub(crate) transactions: TransactionStore,
}

/// The properties that all messages of one connection share.
#[derive(Debug)]
pub(crate) struct ConnectionInfo {
    pub(crate) agent: Arc<AgentInfo>,
    pub(crate) peer: Peer,
    pub(crate) engine_id: Option<Arc<str>>,
    pub(crate) states: Arc<States>,
    /// Made when it is needed: most connections need no queue.
    after_work: OnceLock<Arc<dyn AfterWorkQueue>>,
    /// Whether all messages of a stream have one stream-id, as they do in HAProxy up to 3.0.
    pub(crate) streams_last: bool,
}

impl ConnectionInfo {
    pub(crate) fn new(agent: Arc<AgentInfo>, peer: Peer, states: Arc<States>) -> Self {
        ConnectionInfo {
            agent,
            peer,
            engine_id: None,
            states,
            after_work: OnceLock::new(),
            streams_last: false,
        }
    }

    /// Returns the queue for work after an answer. The first call makes it.
    pub(crate) fn after_work(&self) -> &Arc<dyn AfterWorkQueue> {
        let queues = &self.agent.after_work;
        self.after_work.get_or_init(|| queues.clone().queue())
    }

    /// Returns the queue if it has been made.
    #[inline]
    pub(crate) fn after_work_if_any(&self) -> Option<&dyn AfterWorkQueue> {
        self.after_work.get().map(|queue| &**queue)
    }
}

/// The copy has the queue of the original.
impl Clone for ConnectionInfo {
    #[cold]
    fn clone(&self) -> Self {
        ConnectionInfo {
            agent: self.agent.clone(),
            peer: self.peer.clone(),
            engine_id: self.engine_id.clone(),
            states: self.states.clone(),
            after_work: self.after_work().clone().into(),
            streams_last: self.streams_last,
        }
    }
}

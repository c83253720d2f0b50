//! Where a message came from.

use super::States;
use crate::spop::FrameIds;
use crate::text::one_line;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

/// Where a message came from and until when its answer is wanted.
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
    /// The engine-id of HAProxy's HELLO: one per thread up to 3.0, one per engine and process since.
    /// `None` if it sent none.
    #[must_use]
    pub fn engine_id(&self) -> Option<&'a str> {
        self.connection.engine_id.as_deref()
    }

    /// HAProxy's number of the stream that waits. It starts at 0 up to 3.0.
    #[must_use]
    pub fn stream_id(&self) -> u64 {
        self.ids.stream_id
    }

    /// The number of the frame in its stream.
    #[must_use]
    pub fn frame_id(&self) -> u64 {
        self.ids.frame_id
    }

    /// The other end of the connection: HAProxy, not its client.
    #[must_use]
    pub fn peer(&self) -> &'a Peer {
        &self.connection.peer
    }

    /// The name of the agent.
    #[must_use]
    pub fn agent_name(&self) -> &'a str {
        &self.connection.agent
    }

    /// When the agent will answer without this handler; `None` if the handler has no deadline.
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
    /// A client of a unix socket. Such a client has no address of its own.
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

/// What the messages of one connection have in common.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionInfo {
    pub(crate) agent: Arc<str>,
    pub(crate) peer: Peer,
    pub(crate) engine_id: Option<Box<str>>,
    pub(crate) states: Arc<States>,
}

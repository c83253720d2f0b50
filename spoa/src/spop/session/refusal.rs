//! The reasons why a session ends: the faults that one end finds in the other.

use crate::spop::{DecodeError, FrameIds, FrameType, Status};
use std::fmt;

/// Why a connection was refused.
///
/// ```
/// use spoa::spop::{Status, session::Refusal};
///
/// let refusal = Refusal::Hello(Status::BAD_VERSION);
/// assert_eq!(refusal.status(), Status::BAD_VERSION);
/// assert_eq!(refusal.to_string(), "the HELLO cannot be agreed to: unsupported version");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The peer speaks something else.
    #[error("the peer speaks {0}, not SPOP")]
    Foreign(Foreign),
    /// The HELLO is not acceptable.
    #[error("the HELLO cannot be agreed to: {0}")]
    Hello(Status),
    /// A frame cannot be read.
    #[error("{0}")]
    Frame(DecodeError),
    /// A frame that has no place at this point of the conversation.
    #[error("a {0} frame has no place here")]
    Unexpected(FrameType),
    /// Fragments in a wrong order, or without agreement on fragmentation.
    #[error("{0}")]
    Fragments(Status),
    /// An ACK to a NOTIFY that was never sent.
    #[error("an ACK names stream-id {} and frame-id {}, which were never sent", .0.stream_id, .0.frame_id)]
    UnknownAck(FrameIds),
}

impl Refusal {
    /// Returns the status code for the peer.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Refusal::Foreign(_) | Refusal::Unexpected(_) => Status::INVALID_FRAME,
            Refusal::Hello(status) | Refusal::Fragments(status) => *status,
            Refusal::Frame(error) => error.status(),
            Refusal::UnknownAck(_) => Status::FRAME_ID_NOT_FOUND,
        }
    }
}

/// A protocol that is not SPOP, known by its first bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Foreign {
    /// An HTTP request or response.
    Http,
    /// A TLS handshake or alert.
    Tls,
    /// A PROXY protocol header.
    Proxy,
}

impl fmt::Display for Foreign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Foreign::Http => "HTTP",
            Foreign::Tls => "TLS",
            Foreign::Proxy => "the PROXY protocol",
        })
    }
}

impl Foreign {
    /// The protocol that begins with these bytes. As frames, all of them would announce many
    /// megabytes.
    ///
    /// ```
    /// use spoa::spop::session::Foreign;
    ///
    /// assert_eq!(Foreign::known_by(b"GET / HTTP/1.1\r\n"), Some(Foreign::Http));
    /// assert_eq!(Foreign::known_by(&[0, 0, 0, 7]), None);
    /// ```
    #[must_use]
    pub fn known_by(first: &[u8]) -> Option<Self> {
        match first.first_chunk::<4>()? {
            b"GET " | b"POST" | b"HEAD" | b"PUT " | b"OPTI" | b"DELE" | b"CONN" | b"PATC"
            | b"PRI " | b"HTTP" => Some(Foreign::Http),
            [0x15 | 0x16, 3, _, _] => Some(Foreign::Tls),
            b"PROX" | b"\r\n\r\n" => Some(Foreign::Proxy),
            _ => None,
        }
    }
}

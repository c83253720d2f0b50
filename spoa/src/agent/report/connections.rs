//! Lines about connections: why one was refused, why one ended, which NOTIFYs could not be read.

use super::rate_limit::Permitted;
use super::{LineLimits, about_connection, about_frame};
use crate::handler::ConnectionInfo;
use crate::handler::panics::{self, quietly};
use crate::log_target::CONNECTION;
use crate::spop::session::{Foreign, Refusal, Unreadable};
use crate::spop::{Disconnect, FrameIds, HaproxyHello, Status};
use crate::text::one_line;
use std::any::Any;
use std::io;

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// The peer closed it, or the agent did after its AGENT-DISCONNECT.
    Closed,
    /// The socket failed.
    Io {
        error: io::Error,
        /// Whether a frame was not whole or an answer was outstanding.
        busy: bool,
    },
    /// The peer closed it inside a frame.
    Truncated,
    /// The peer did not do something in time.
    Late(Late),
    /// It would have kept more than this many bytes, the limit of all connections.
    Full(usize),
}

/// An act that a peer did not do in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// Send HELLO.
    Hello,
    /// Read its answers.
    Read,
    /// Send the rest of a frame.
    Frame,
}

impl std::fmt::Display for Late {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Late::Hello => "send its HELLO",
            Late::Read => "read its answers",
            Late::Frame => "send the rest of a frame",
        })
    }
}

/// Logs a HELLO.
pub(crate) fn hello(hello: &HaproxyHello<'_>, connection: &ConnectionInfo) {
    tracing::debug!(target: CONNECTION,
        peer = %connection.peer,
        engine = hello.engine_id.unwrap_or("-"),
        max_frame_size = hello.max_frame_size,
        capabilities = %hello.capabilities,
        healthcheck = hello.healthcheck,
        "HAPROXY-HELLO"
    );
}

/// Logs a NOTIFY that could not be read. `max_reassembled` is the limit of one connection.
pub(crate) fn unreadable(
    limits: &LineLimits,
    max_reassembled: usize,
    reason: Unreadable,
    ids: FrameIds,
    connection: &ConnectionInfo,
) {
    let (cause, remedy) = match reason {
        Unreadable::TooLarge(most) if most < max_reassembled => (
            0,
            ", because of what other connections hold; raise `--max-reassembled-total`",
        ),
        Unreadable::TooLarge(_) => (1, "; raise `--max-reassembled`"),
        // Its text names a cause.
        _ => (2, ""),
    };
    if let Some(Permitted { suppressed }) = limits.unreadable.pass(cause) {
        about_frame!(warn(target: CONNECTION),
            connection,
            ids,
            suppressed,
            "a NOTIFY was answered without actions: {reason}{remedy}"
        );
    }
}

/// Logs a NOTIFY that has more than `most` messages, of a request with a unique id.
#[cold]
pub(crate) fn too_many_messages(
    limits: &LineLimits,
    (count, most): (usize, usize),
    (ids, req_id): (FrameIds, Option<&str>),
    connection: &ConnectionInfo,
) {
    if let Some(Permitted { suppressed }) = limits.too_many_messages.pass() {
        about_frame!(warn(target: CONNECTION),
            connection,
            ids,
            req_id,
            suppressed,
            "a NOTIFY was answered without actions: it has {count} messages, and the agent answers at most \
             {most} in one NOTIFY; send fewer with each event or group"
        );
    }
}

/// Logs the HAPROXY-DISCONNECT of a connection.
pub(crate) fn disconnect(
    limits: &LineLimits,
    disconnect: &Disconnect<'_>,
    connection: &ConnectionInfo,
) {
    let (status, said) = (disconnect.status, disconnect.message);
    let code = status.code();
    if matches!(status, Status::NORMAL | Status::TIMEOUT | Status::IO) {
        about_connection!(debug, connection, %status, said, "HAPROXY-DISCONNECT");
    } else if let Some(Permitted { suppressed }) = limits.ended_by_peer.pass(code as usize) {
        about_connection!(
            warn,
            connection,
            code,
            said,
            suppressed,
            "HAProxy ended the connection: {status}; `spop explain {code}` says what causes that"
        );
    }
}

/// Tells refusals with different causes from one another.
fn reason(refusal: &Refusal) -> usize {
    match refusal {
        Refusal::Foreign(Foreign::Http) => 0,
        Refusal::Foreign(Foreign::Tls) => 1,
        Refusal::Foreign(Foreign::Proxy) => 2,
        Refusal::Frame(_) => 3,
        Refusal::Unexpected(_) => 4,
        Refusal::UnknownAck(_) => 5,
        // There are fewer than 16 status codes.
        Refusal::Hello(status) | Refusal::Fragments(status) => 6 + status.code() as usize,
    }
}

/// Logs that a connection was refused because of what the peer sent.
pub(crate) fn refused(limits: &LineLimits, refusal: &Refusal, connection: &ConnectionInfo) {
    let Some(Permitted { suppressed }) = limits.refused.pass(reason(refusal)) else {
        return;
    };
    let advice = match refusal {
        Refusal::Foreign(Foreign::Tls) => {
            "; remove `ssl` from the `server` line of the backend in haproxy.cfg, or start the agent \
             with `--tls-cert`"
        }
        Refusal::Foreign(Foreign::Proxy) => REMOVE_PROXY,
        Refusal::Foreign(Foreign::Http) => {
            "; is the `server` line in the backend that spoe.conf names?"
        }
        Refusal::Hello(_) => "; is the peer a HAProxy, 2.6 or later?",
        _ => "; is the peer a HAProxy? If so, see its log",
    };
    let peer = &connection.peer;
    tracing::warn!(target: CONNECTION, %peer, suppressed, "connection refused: {refusal}{advice}");
}

/// The remedy for a peer that speaks the PROXY protocol.
pub(crate) const REMOVE_PROXY: &str =
    "; remove `send-proxy` or `send-proxy-v2` from the `server` line of the backend in haproxy.cfg";

/// Logs that a connection was closed since all connections together would keep more than `most` bytes.
pub(crate) fn full(limits: &LineLimits, most: usize, connection: &ConnectionInfo) {
    if let Some(Permitted { suppressed }) = limits.full.pass() {
        about_connection!(
            warn,
            connection,
            suppressed,
            "connection closed: incomplete frames and unread answers of all connections would exceed \
             {most} bytes; raise `--max-buffered-total` if these are HAProxy's"
        );
    }
}

/// Logs the end of a connection whose task panicked: user code runs under guards, so this is a fault of
/// the agent, or of a subscriber.
#[cold]
pub(crate) fn panicked(panic: Box<dyn Any + Send>, connection: &ConnectionInfo) {
    let text = panics::panicked(panic);
    quietly(|| {
        about_connection!(
            error,
            connection,
            "connection lost with all its answers: its task panicked: {}; unless a subscriber of the \
             program did, please report this as a fault of the crate `haproxy-spoa`",
            one_line(&text)
        );
    });
}

/// The advice for a HAProxy that was gone before its answers.
const GONE: &str = "HAProxy was stopped or gave up: see its log, its `timeout processing` in spoe.conf, \
                    and `timeout server` of the agents' backend";

/// Logs the end of a connection on which `in_flight` NOTIFYs were not answered.
pub(crate) fn ended(limits: &LineLimits, end: &End, in_flight: usize, connection: &ConnectionInfo) {
    let answers = match in_flight {
        1 => "1 answer".to_owned(),
        count => format!("{count} answers"),
    };
    match end {
        End::Closed if in_flight > 0 => {
            if let Some(Permitted { suppressed }) = limits.outstanding.pass() {
                about_connection!(
                    warn,
                    connection,
                    suppressed,
                    "connection closed by the peer with {answers} outstanding; {GONE}"
                );
            }
        }
        End::Closed => about_connection!(debug, connection, "closed"),
        End::Io { error, busy: false } => {
            let error = error.to_string();
            about_connection!(debug, connection, "closed: {}", one_line(&error));
        }
        End::Io { error, busy: true } => {
            if let Some(Permitted { suppressed }) = limits.lost.pass() {
                let error = error.to_string();
                about_connection!(
                    warn,
                    connection,
                    suppressed,
                    "connection lost with {answers} outstanding: {}; {GONE}",
                    one_line(&error)
                );
            }
        }
        End::Truncated => {
            if let Some(Permitted { suppressed }) = limits.truncated.pass() {
                about_connection!(
                    warn,
                    connection,
                    suppressed,
                    "connection closed inside a frame with {answers} outstanding; {GONE}"
                );
            }
        }
        End::Full(most) => full(limits, *most, connection),
        End::Late(late) => {
            if let Some(Permitted { suppressed }) = limits.late.pass(*late as usize) {
                about_connection!(
                    warn,
                    connection,
                    suppressed,
                    "connection closed: the peer did not {late} in time; a healthy HAProxy does not do \
                     this: check what the peer is, and any proxy in between"
                );
            }
        }
    }
}

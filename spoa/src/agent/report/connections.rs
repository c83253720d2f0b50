//! What is logged about connections: nothing above DEBUG while all is well, one line a second for each
//! cause of trouble.
//!
//! It knows what happened, not what is done about it.

use crate::agent::Shared;
use crate::agent::worker::scratch::MAX_MESSAGES;
use crate::handler::ConnectionInfo;
use crate::handler::guard::{self, quietly};
use crate::spop::session::{Foreign, Refusal, Unreadable};
use crate::spop::{Disconnect, FrameIds, HaproxyHello, Status};
use crate::text::one_line;
use std::any::Any;
use std::io;

/// Why a connection ended.
#[derive(Debug)]
pub(crate) enum End {
    /// As connections do: the peer closed it, or a goodbye was said.
    Closed,
    /// The socket failed, in the middle of something if `true`.
    Io(io::Error, bool),
    /// The peer closed it inside a frame.
    Truncated,
    /// What the peer had to do in time it did not.
    Late(Late),
    /// It would have kept more than all connections may.
    Full,
}

/// What a peer did not do in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Late {
    /// Say HELLO.
    Hello,
    /// Read its answers.
    Read,
    /// Send the rest of a frame.
    Frame,
}

fn engine(connection: &ConnectionInfo) -> &str {
    connection.engine_id.as_deref().unwrap_or("-")
}

pub(crate) fn hello(hello: &HaproxyHello<'_>, connection: &ConnectionInfo) {
    tracing::debug!(
        peer = %connection.peer,
        engine = hello.engine_id.unwrap_or("-"),
        max_frame_size = hello.max_frame_size,
        capabilities = %hello.capabilities,
        healthcheck = hello.healthcheck,
        "HAPROXY-HELLO"
    );
}

pub(crate) fn unreadable(
    ids: FrameIds,
    reason: Unreadable,
    connection: &ConnectionInfo,
    shared: &Shared,
) {
    let (limit, remedy) = match reason {
        Unreadable::TooLarge(most) if most < shared.limits.max_reassembled => (
            0,
            ", because of what other connections hold; raise `--max-reassembled-total`",
        ),
        Unreadable::TooLarge(_) => (1, "; raise `--max-reassembled`"),
        // It names a cause itself.
        _ => (2, ""),
    };
    if let Some(suppressed) = shared.unreadable.pass(limit) {
        tracing::warn!(
            peer = %connection.peer,
            engine = engine(connection),
            stream = ids.stream_id,
            frame = ids.frame_id,
            suppressed,
            "a NOTIFY was answered without actions: {reason}{remedy}"
        );
    }
}

/// Logs a NOTIFY that has more messages than one may have.
#[cold]
pub(crate) fn too_many(count: usize, ids: FrameIds, connection: &ConnectionInfo, shared: &Shared) {
    if let Some(suppressed) = shared.too_many.pass() {
        tracing::warn!(
            peer = %connection.peer,
            engine = engine(connection),
            stream = ids.stream_id,
            frame = ids.frame_id,
            suppressed,
            "a NOTIFY was answered without actions: it has {count} messages, and at most \
             {MAX_MESSAGES} are answered in one go; send fewer with each event or group"
        );
    }
}

pub(crate) fn disconnect(
    disconnect: &Disconnect<'_>,
    connection: &ConnectionInfo,
    shared: &Shared,
) {
    let (peer, engine) = (&connection.peer, engine(connection));
    let (status, said) = (disconnect.status, disconnect.message);
    if matches!(status, Status::NORMAL | Status::TIMEOUT | Status::IO) {
        tracing::debug!(%peer, engine, %status, said, "HAPROXY-DISCONNECT");
    } else if let Some(suppressed) = shared.ended_by_peer.pass(status.code() as usize) {
        let code = status.code();
        tracing::warn!(
            %peer,
            engine,
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
        // Of a status there are less than 16.
        Refusal::Hello(status) | Refusal::Fragments(status) => 6 + status.code() as usize,
    }
}

pub(crate) fn refused(refusal: &Refusal, connection: &ConnectionInfo, shared: &Shared) {
    let Some(suppressed) = shared.refused.pass(reason(refusal)) else {
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
        _ => "; is the peer a HAProxy? If so, its log has the other side of it",
    };
    let peer = &connection.peer;
    tracing::warn!(%peer, suppressed, "connection refused: {refusal}{advice}");
}

/// What to do about a peer that speaks the PROXY protocol.
pub(crate) const REMOVE_PROXY: &str =
    "; remove `send-proxy` or `send-proxy-v2` from the `server` line of the backend in haproxy.cfg";

pub(crate) fn full(connection: &ConnectionInfo, shared: &Shared) {
    if let Some(suppressed) = shared.full.pass() {
        tracing::warn!(
            peer = %connection.peer,
            engine = engine(connection),
            suppressed,
            "connection closed: of frames that did not come whole and answers that were not read, \
             all connections would keep more than {} bytes; raise `--max-buffered-total` if these \
             are HAProxy's",
            shared.limits.max_buffered_total
        );
    }
}

/// Logs the end of a connection whose task panicked: user code runs under guards, so this is a fault of
/// the agent's own, or of its subscriber.
#[cold]
pub(crate) fn panicked(panic: Box<dyn Any + Send>, connection: &ConnectionInfo) {
    let text = guard::panicked(panic);
    quietly(|| {
        tracing::error!(
            peer = %connection.peer,
            engine = engine(connection),
            "connection lost with all its answers: its task panicked: {}; unless a subscriber of the \
             program did, please report this as a fault of the crate `haproxy-spoa`",
            one_line(&text)
        );
    });
}

/// What to look at when a HAProxy was gone before its answers.
const GONE: &str = "HAProxy was stopped or gave up: see its log, its `timeout processing` in spoe.conf, \
                    and `timeout server` of the agents' backend";

/// Logs the end of a connection on which this many NOTIFYs were in flight.
pub(crate) fn ended(end: &End, in_flight: usize, connection: &ConnectionInfo, shared: &Shared) {
    let (peer, engine) = (&connection.peer, engine(connection));
    let answers = match in_flight {
        1 => "1 answer".to_owned(),
        count => format!("{count} answers"),
    };
    match end {
        End::Closed if in_flight > 0 => {
            if let Some(suppressed) = shared.outstanding.pass() {
                tracing::warn!(
                    %peer,
                    engine,
                    suppressed,
                    "connection closed by the peer with {answers} outstanding; {GONE}"
                );
            }
        }
        End::Closed => tracing::debug!(%peer, engine, "closed"),
        End::Io(error, false) => {
            tracing::debug!(%peer, engine, "closed: {}", one_line(&error.to_string()));
        }
        End::Io(error, true) => {
            if let Some(suppressed) = shared.lost.pass() {
                tracing::warn!(
                    %peer,
                    engine,
                    suppressed,
                    "connection lost with {answers} outstanding: {}; {GONE}",
                    one_line(&error.to_string())
                );
            }
        }
        End::Truncated => {
            if let Some(suppressed) = shared.truncated.pass() {
                tracing::warn!(
                    %peer,
                    engine,
                    suppressed,
                    "connection closed inside a frame with {answers} outstanding; {GONE}"
                );
            }
        }
        End::Full => full(connection, shared),
        End::Late(late) => {
            if let Some(suppressed) = shared.late.pass(*late as usize) {
                tracing::warn!(
                    %peer,
                    engine,
                    suppressed,
                    "connection closed: the peer did not {} in time; no HAProxy that is well does \
                     that: see who the peer is, and what is between",
                    match late {
                        Late::Hello => "say HELLO",
                        Late::Read => "read its answers",
                        Late::Frame => "send the rest of a frame",
                    }
                );
            }
        }
    }
}

//! The log lines about connections, handlers and panics, and the limits of how many are written.
//!
//! A line is about a connection, about a handler, or about a socket. Nothing above DEBUG is written while
//! all is well, and at most one line a second for each cause of trouble.

pub(crate) mod connections;
pub(crate) mod failures;
pub(crate) mod handlers;
pub(crate) mod panics;
pub(crate) mod rate_limit;
pub(crate) mod values;

use failures::{HandlerFailures, Summaries};
use rate_limit::{RateLimit, RateLimits, ReasonLimits};

/// Logs a line about one frame of one connection, with the fields by which it is found again.
macro_rules! about_frame {
    ($level:ident(target: $target:expr), $connection:expr, $ids:expr, $($line:tt)*) => {
        tracing::$level!(
            target: $target,
            peer = %$connection.peer,
            engine = $connection.engine_id.as_deref().unwrap_or("-"),
            stream = $ids.stream_id,
            frame = $ids.frame_id,
            $($line)*
        )
    };
}

/// Logs a line about one connection.
macro_rules! about_connection {
    ($level:ident, $connection:expr, $($line:tt)*) => {
        tracing::$level!(
            target: $crate::log_target::CONNECTION,
            peer = %$connection.peer,
            engine = $connection.engine_id.as_deref().unwrap_or("-"),
            $($line)*
        )
    };
}

use {about_connection, about_frame};

/// The limits of the lines that an agent has about its connections and about all of its handlers.
#[derive(Debug, Default)]
pub(crate) struct LineLimits {
    /// By status code and cause.
    refused: RateLimits<32>,
    /// By cause.
    unreadable: RateLimits<3>,
    too_many_messages: RateLimit,
    /// By status code.
    ended_by_peer: RateLimits<16>,
    lost: RateLimit,
    outstanding: RateLimit,
    truncated: RateLimit,
    /// By what the peer did not do.
    late: RateLimits<3>,
    full: RateLimit,
    ack_too_large: RateLimit,
    /// By name.
    unknown_message: ReasonLimits<32>,
    on_failure_failed: RateLimit,
    observer_failed: RateLimit,
    failures: Summaries,
    worker_blocked_together: RateLimit,
}

/// The limits of the lines about one handler.
#[derive(Debug, Default)]
pub(crate) struct HandlerLineLimits {
    failures: HandlerFailures,
    left_out: RateLimit,
    worker_blocked: RateLimit,
}

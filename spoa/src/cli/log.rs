//! Where the log goes and what it looks like.
//!
//! It must not know what is logged.

use std::io::stderr;
use tracing_subscriber::EnvFilter;

/// Sends the log to standard error, with the time unless the journal, which has its own, reads it.
///
/// A program that has set up `tracing` itself keeps what it set up.
pub(super) fn start(filter: &str) {
    // The command line has read the same text before.
    let filter = EnvFilter::try_new(filter).unwrap_or_else(|_| EnvFilter::new("info"));
    let lines = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(false)
        .with_target(false);
    let started = match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => lines.without_time().try_init(),
        None => lines.try_init(),
    };
    if started.is_err() {
        tracing::debug!("the program's own log is kept");
    }
}

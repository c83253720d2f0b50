//! Where the log goes and what it looks like.
//!
//! It must not know what is logged.

use std::io::stderr;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::layer;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, registry};

/// Sends the log to standard error, with the time unless the journal, which has its own, reads it.
///
/// A program that has set up `tracing` itself keeps what it set up.
pub(super) fn start(filter: &str) {
    // The command line has read the same text before.
    let filter: Targets = filter
        .parse()
        .unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let lines = layer()
        .with_writer(stderr)
        .with_ansi(false)
        .with_target(false);
    let lines = match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => lines.without_time().boxed(),
        None => lines.boxed(),
    };
    let started = registry().with(lines.with_filter(filter)).try_init();
    if started.is_err() {
        tracing::debug!("the program's own log is kept");
    }
}

//! Subscribers for one test: what it logs, whatever other tests of the process do at the same time.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, Once};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::{DefaultGuard, Interest};
use tracing::{Event, Metadata, Subscriber};

/// Gives what this thread logs to a subscriber for as long as the guard lives.
pub(crate) fn subscribe(subscriber: impl Subscriber + Send + Sync + 'static) -> DefaultGuard {
    static ASKED: Once = Once::new();
    ASKED.call_once(|| {
        let _ = tracing::subscriber::set_global_default(AlwaysAsked);
    });
    tracing::subscriber::set_default(subscriber)
}

/// The text that a thread logs.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Gets what this thread logs for as long as the guard lives.
    pub(crate) fn subscribe(&self) -> DefaultGuard {
        let log = self.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || log.clone());
        subscribe(subscriber.with_ansi(false).finish())
    }

    /// Returns what was logged.
    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Has the subscriber of the thread asked about each event.
///
/// `tracing` remembers for the whole process whether anybody wants an event. If it asks when there is
/// one subscriber only, it asks that of the thread which comes by first: should that be a thread of
/// another test, without a subscriber, nobody gets the event from then on. This one is never interested
/// and never sure.
struct AlwaysAsked;

impl Subscriber for AlwaysAsked {
    fn register_callsite(&self, _: &'static Metadata<'static>) -> Interest {
        Interest::sometimes()
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        Some(LevelFilter::TRACE)
    }

    fn enabled(&self, _: &Metadata<'_>) -> bool {
        false
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

//! Subscribers for one test: what it logs, whatever other tests of the process do at the same time.

use std::sync::Once;
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    static EVENTS: AtomicUsize = AtomicUsize::new(0);

    struct Counts;

    impl Subscriber for Counts {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, _: &Event<'_>) {
            EVENTS.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn an_event_arrives_even_if_a_thread_without_a_subscriber_logged_it_first() {
        fn event() {
            tracing::trace!("one line");
        }
        let _scope = subscribe(Counts);
        std::thread::spawn(event).join().expect("it does not panic");
        event();
        assert_eq!(EVENTS.load(Ordering::Relaxed), 1);
    }
}

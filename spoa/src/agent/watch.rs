//! Sees to it that a handler which keeps its worker thread keeps that thread only, and is named.
//!
//! It knows nothing of messages: it watches threads, not handlers.
//!
//! A sync handler runs on the thread that reads the socket, and so does what an `async fn` does
//! between two awaits. While it does not return, tokio may have no other thread wait for sockets: the
//! one that did is the one that is kept, and the others sleep. So a thread of our own looks every few
//! milliseconds and wakes another worker. On the way of a NOTIFY that costs two stores a read.

use super::report::RateLimit;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

/// How often threads are looked at: well below any `timeout processing`.
const TICK: Duration = Duration::from_millis(10);

/// A handler that keeps its thread for so many looks, half a second, is named in the log. Looks are
/// counted, not time: where the machine is too busy to run the thread, it is too busy to look.
const MANY: u32 = 50;

static THREADS: Mutex<Vec<Weak<Watch>>> = Mutex::new(Vec::new());

/// What is seen of one thread.
#[derive(Debug, Default)]
pub(crate) struct Watch {
    /// Odd while a connection is polled; another number for each poll.
    poll: AtomicU32,
    /// The poll that was seen last, and since when, in milliseconds of the watcher's clock.
    seen: AtomicU32,
    since: AtomicU64,
    /// How often it was seen again.
    looks: AtomicU32,
    /// How long the poll at work has been seen, once that is long, in milliseconds.
    kept: AtomicU64,
}

impl Watch {
    /// For the thread that calls it.
    pub(crate) fn new() -> Arc<Self> {
        let watch = Arc::new(Watch::default());
        let mut threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
        threads.retain(|thread| thread.strong_count() > 0);
        threads.push(Arc::downgrade(&watch));
        watch
    }

    /// A poll begins or ends. Only its own thread writes: no read-modify-write is needed.
    #[inline]
    pub(crate) fn turn(&self) {
        let poll = self.poll.load(Ordering::Relaxed);
        self.poll.store(poll.wrapping_add(1), Ordering::Relaxed);
    }

    /// How long what was at work has kept the thread, if that was long.
    #[inline]
    pub(crate) fn kept(&self) -> Option<Duration> {
        if self.kept.load(Ordering::Relaxed) == 0 {
            return None;
        }
        Some(Duration::from_millis(self.kept.swap(0, Ordering::Relaxed)))
    }

    /// Looks at the thread; how long it has been at the same poll.
    fn look(&self, now: Duration) -> Duration {
        let poll = self.poll.load(Ordering::Relaxed);
        let now = now.as_millis() as u64;
        if poll % 2 == 0 || self.seen.swap(poll, Ordering::Relaxed) != poll {
            self.since.store(now, Ordering::Relaxed);
            self.looks.store(0, Ordering::Relaxed);
            return Duration::ZERO;
        }
        let kept = now.saturating_sub(self.since.load(Ordering::Relaxed));
        if self.looks.fetch_add(1, Ordering::Relaxed) + 1 >= MANY {
            self.kept.store(kept, Ordering::Relaxed);
        }
        Duration::from_millis(kept)
    }
}

/// Looks at all threads until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher(#[allow(dead_code, reason = "its drop ends the thread")] Sender<()>);

impl Watcher {
    /// Watches the threads of the runtime it is called in. Without a thread to be had nothing is
    /// watched: the agent serves all the same.
    pub(crate) fn start() -> Option<Self> {
        let runtime = Handle::current();
        let (stop, stopped) = channel();
        let watch = move || {
            let start = Instant::now();
            let limit = RateLimit::default();
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                look_at_all(start.elapsed(), &runtime, &limit);
            }
        };
        let thread = std::thread::Builder::new()
            .name("spoa-watch".to_owned())
            .spawn(watch);
        thread.is_ok().then_some(Watcher(stop))
    }
}

fn look_at_all(now: Duration, runtime: &Handle, limit: &RateLimit) {
    let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    let kept = threads
        .iter()
        .filter_map(|thread| Some(thread.upgrade()?.look(now)))
        .max();
    drop(threads);
    let Some(kept) = kept.filter(|kept| !kept.is_zero()) else {
        return;
    };
    // A task wakes a worker that sleeps, and a worker with nothing left to do waits for sockets.
    runtime.spawn(async {});
    if kept >= Duration::from_secs(1) {
        if let Some(suppressed) = limit.pass() {
            tracing::warn!(
                suppressed,
                "a handler has kept its worker thread for {kept:?} and still does; it is named when \
                 it returns"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_that_stays_in_one_poll_is_seen() {
        let watch = Watch::default();
        let at = Duration::from_millis;
        assert_eq!(watch.look(at(0)), at(0));
        watch.turn();
        assert_eq!(watch.look(at(10)), at(0));
        assert_eq!(watch.look(at(20)), at(10));
        assert_eq!(watch.kept(), None);
        for tick in 3..=MANY.into() {
            assert_eq!(watch.look(at(10 * tick)), at(10 * (tick - 1)));
            assert_eq!(watch.kept(), None);
        }
        assert_eq!(watch.look(at(510)), at(500));
        assert_eq!(watch.kept(), Some(at(500)));
        assert_eq!(watch.kept(), None);
    }

    #[test]
    fn a_thread_that_goes_from_poll_to_poll_is_not() {
        let watch = Watch::default();
        for tick in 0..100 {
            watch.turn();
            assert!(watch.look(Duration::from_millis(10 * tick)).is_zero());
            watch.turn();
        }
        assert_eq!(watch.kept(), None);
    }
}

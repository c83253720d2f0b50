//! Sees to it that a handler which keeps its worker thread keeps that thread only, and is named.
//!
//! It knows nothing of messages: of a handler it sees a mark only, and whoever starts it says what is
//! to be done about one.
//!
//! A sync handler runs on the thread that reads the socket, and so does what an `async fn` does
//! between two awaits. While it does not return, tokio may have no other thread wait for sockets: the
//! one that did is the one that is kept, and the others sleep. So a thread of our own looks every few
//! milliseconds and wakes another worker. On the way of a NOTIFY that costs a store for each handler,
//! and two for each read.

use crate::handler::Definition;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
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
    /// The handler that was begun last.
    runs: AtomicUsize,
    /// The poll that was seen last, and since when, in milliseconds of the watcher's clock.
    seen: AtomicU32,
    since: AtomicU64,
    /// How often it was seen again.
    looks: AtomicU32,
}

/// A thread that has been in one poll for some time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kept {
    time: Duration,
    /// The mark of the handler that keeps it, once that is worth a line.
    named: Option<usize>,
}

/// What stands for a handler.
#[inline]
pub(crate) fn mark(definition: &'static Definition) -> usize {
    std::ptr::from_ref(definition).addr()
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

    /// A handler is begun, or polled.
    #[inline]
    pub(crate) fn runs(&self, definition: &'static Definition) {
        self.runs.store(mark(definition), Ordering::Relaxed);
    }

    /// Looks at the thread, which may have been at the same poll before.
    fn look(&self, now: Duration) -> Option<Kept> {
        let poll = self.poll.load(Ordering::Relaxed);
        let now = now.as_millis() as u64;
        if poll % 2 == 0 || self.seen.swap(poll, Ordering::Relaxed) != poll {
            self.since.store(now, Ordering::Relaxed);
            self.looks.store(0, Ordering::Relaxed);
            return None;
        }
        let looks = self.looks.fetch_add(1, Ordering::Relaxed) + 1;
        let time = now.saturating_sub(self.since.load(Ordering::Relaxed));
        Some(Kept {
            time: Duration::from_millis(time),
            named: (looks >= MANY).then(|| self.runs.load(Ordering::Relaxed)),
        })
    }
}

/// Looks at all threads until it is dropped.
#[derive(Debug)]
pub(crate) struct Watcher(#[allow(dead_code, reason = "its drop ends the thread")] Sender<()>);

impl Watcher {
    /// Watches the threads of the runtime it is called in; `report` is told the mark of a handler that
    /// keeps one, and for how long it has, at each look. Without a thread to be had nothing is watched:
    /// the agent serves all the same.
    pub(crate) fn start(report: impl Fn(usize, Duration) + Send + 'static) -> Option<Self> {
        let runtime = Handle::current();
        let (stop, stopped) = channel();
        // What the thread logs goes where the agent's lines go.
        let log = tracing::dispatcher::get_default(Clone::clone);
        let watch = move || {
            let _log = tracing::dispatcher::set_default(&log);
            let start = Instant::now();
            while stopped.recv_timeout(TICK) == Err(RecvTimeoutError::Timeout) {
                look_at_all(start.elapsed(), &runtime, &report);
            }
        };
        let thread = std::thread::Builder::new()
            .name("spoa-watch".to_owned())
            .spawn(watch);
        thread.is_ok().then_some(Watcher(stop))
    }
}

fn look_at_all(now: Duration, runtime: &Handle, report: &impl Fn(usize, Duration)) {
    let threads = THREADS.lock().unwrap_or_else(PoisonError::into_inner);
    let looks = threads.iter().filter_map(Weak::upgrade);
    let kept: Vec<_> = looks.filter_map(|thread| thread.look(now)).collect();
    drop(threads);
    if kept.is_empty() {
        return;
    }
    // A task wakes a worker that sleeps, and a worker with nothing left to do waits for sockets.
    runtime.spawn(async {});
    for Kept { time, named } in kept {
        if let Some(mark) = named {
            report(mark, time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::__private::STUB;

    #[test]
    fn a_thread_that_stays_in_one_poll_is_seen_and_its_handler_named() {
        static SLOW: Definition = STUB;
        let watch = Watch::default();
        let at = Duration::from_millis;
        let kept = |time, named| {
            Some(Kept {
                time: at(time),
                named,
            })
        };
        assert_eq!(watch.look(at(0)), None);
        watch.turn();
        watch.runs(&SLOW);
        assert_eq!(watch.look(at(10)), None);
        for tick in 2..=MANY.into() {
            assert_eq!(watch.look(at(10 * tick)), kept(10 * (tick - 1), None));
        }
        assert_eq!(watch.look(at(510)), kept(500, Some(mark(&SLOW))));
        assert_eq!(watch.look(at(520)), kept(510, Some(mark(&SLOW))));
        watch.turn();
        assert_eq!(watch.look(at(530)), None);
    }

    #[test]
    fn a_thread_that_goes_from_poll_to_poll_is_not() {
        let watch = Watch::default();
        for tick in 0..100 {
            watch.turn();
            assert_eq!(watch.look(Duration::from_millis(10 * tick)), None);
            watch.turn();
        }
    }
}

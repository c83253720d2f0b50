//! The activity of a worker thread, and the looks at it that tell which handler keeps it.

use crate::handler::Definition;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// A handler that keeps its thread for this many looks, half a second, is named in the log. Looks are
/// counted, not time: where the machine is too busy to run the thread, it is too busy to look.
const REPORTED_AT: u32 = 50;

/// A bit of [`WorkerActivity::last_handler`] that the watcher sets: it is gone once another handler is begun.
const SEEN: usize = 1;

/// The activity of a thread, for the watchdog.
#[derive(Debug, Default)]
pub(crate) struct WorkerActivity {
    /// Odd while a connection is polled; another number for each poll.
    poll: AtomicU32,
    /// The agent whose connection is polled.
    pub(super) agent: AtomicUsize,
    /// The [`handler_id`] of the handler that was started last in this poll.
    last_handler: AtomicUsize,
}

/// A thread, and what the watcher has seen of it.
pub(super) struct WatchedThread {
    pub(super) thread: Weak<WorkerActivity>,
    /// The poll that was seen last, since when, and how often it was seen again.
    poll: u32,
    since: Duration,
    looks: u32,
    /// Since when its handler was seen, and how often again.
    handler_since: Duration,
    handler_looks: u32,
}

/// The result of one look at a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing happened since the look before.
    Idle,
    /// It has been in a poll.
    Active,
    /// It has been in one poll for some time, with a handler or several that keep it if that is worth
    /// a line.
    Kept(Option<BlockedWorker>),
}

/// A handler that keeps its thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockedWorker {
    /// Its [`handler_id`].
    pub(crate) handler: usize,
    pub(crate) time: Duration,
    /// Whether others ran before it for most of that time, one after another.
    pub(crate) with_others: bool,
}

/// Returns the number of a handler, which no other handler has.
#[inline]
pub(crate) fn handler_id(definition: &'static Definition) -> usize {
    std::ptr::from_ref(definition).addr()
}

impl WorkerActivity {
    /// Notes that a poll begins, of a connection of this agent. Only its own thread writes: no
    /// read-modify-write is needed.
    #[inline]
    pub(crate) fn begin_poll(&self, agent: usize) {
        self.agent.store(agent, Ordering::Relaxed);
        self.last_handler.store(0, Ordering::Relaxed);
        self.next_poll();
    }

    /// Notes that the poll ends.
    #[inline]
    pub(crate) fn end_poll(&self) {
        self.next_poll();
    }

    #[inline]
    fn next_poll(&self) {
        let poll = self.poll.load(Ordering::Relaxed);
        self.poll.store(poll.wrapping_add(1), Ordering::Release);
    }

    /// Notes that a handler is started, or polled.
    #[inline]
    pub(crate) fn note_handler(&self, definition: &'static Definition) {
        self.last_handler
            .store(handler_id(definition), Ordering::Relaxed);
    }
}

impl WatchedThread {
    pub(super) fn new(thread: &Arc<WorkerActivity>) -> Self {
        WatchedThread {
            thread: Arc::downgrade(thread),
            poll: 0,
            since: Duration::ZERO,
            looks: 0,
            handler_since: Duration::ZERO,
            handler_looks: 0,
        }
    }

    /// Looks at the thread, which may have been in the same poll before.
    pub(super) fn look(&mut self, thread: &WorkerActivity, now: Duration) -> Look {
        let poll = thread.poll.load(Ordering::Acquire);
        let before = std::mem::replace(&mut self.poll, poll);
        if poll % 2 == 0 {
            return if poll == before {
                Look::Idle
            } else {
                Look::Active
            };
        }
        let last_handler = thread.last_handler.fetch_or(SEEN, Ordering::Relaxed);
        if poll != before {
            (self.since, self.looks) = (now, 0);
            (self.handler_since, self.handler_looks) = (now, 0);
            return Look::Active;
        }
        self.looks += 1;
        if last_handler & SEEN == 0 {
            (self.handler_since, self.handler_looks) = (now, 0);
        } else {
            self.handler_looks += 1;
        }
        let (since, with_others) = if self.handler_looks >= REPORTED_AT {
            (self.handler_since, false)
        } else if self.looks >= REPORTED_AT && self.handler_looks < self.looks / 2 {
            (self.since, true)
        } else {
            return Look::Kept(None);
        };
        Look::Kept(Some(BlockedWorker {
            handler: last_handler & !SEEN,
            time: Duration::from_millis(now.saturating_sub(since).as_millis() as u64),
            with_others,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::__private::STUB;

    static SLOW: Definition = STUB;
    static QUICK: Definition = Definition {
        message: Some("quick"),
        ..STUB
    };

    fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn kept(handler: &'static Definition, ms: u64, with_others: bool) -> Look {
        Look::Kept(Some(BlockedWorker {
            handler: handler_id(handler),
            time: at(ms),
            with_others,
        }))
    }

    #[test]
    fn a_handler_that_keeps_its_thread_for_half_a_second_is_named() {
        let thread = Arc::new(WorkerActivity::default());
        let mut watched = WatchedThread::new(&thread);
        let mut look = |ms| watched.look(&thread, at(ms));
        assert_eq!(look(0), Look::Idle);
        thread.begin_poll(1);
        thread.note_handler(&SLOW);
        assert_eq!(look(10), Look::Active);
        for tick in 2..=REPORTED_AT.into() {
            assert_eq!(look(10 * tick), Look::Kept(None));
        }
        assert_eq!(look(510), kept(&SLOW, 500, false));
        assert_eq!(look(520), kept(&SLOW, 510, false));
        thread.end_poll();
        assert_eq!(look(530), Look::Active);
        assert_eq!(look(540), Look::Idle);
    }

    #[test]
    fn a_thread_with_many_short_polls_is_not_reported() {
        let thread = Arc::new(WorkerActivity::default());
        let mut watched = WatchedThread::new(&thread);
        for tick in 0..100 {
            thread.begin_poll(1);
            thread.note_handler(&SLOW);
            assert_eq!(watched.look(&thread, at(10 * tick)), Look::Active);
            thread.end_poll();
        }
    }

    #[test]
    fn a_handler_is_not_blamed_for_the_time_of_those_before_it() {
        let thread = Arc::new(WorkerActivity::default());
        let mut watched = WatchedThread::new(&thread);
        thread.begin_poll(1);
        let mut looks = Vec::new();
        // Each takes 60 ms.
        for tick in 0..60 {
            if tick % 6 == 0 {
                thread.note_handler(&SLOW);
            }
            looks.push(watched.look(&thread, at(10 * tick)));
        }
        assert_eq!(looks[49], Look::Kept(None));
        assert_eq!(looks[50], kept(&SLOW, 500, true));
        assert_eq!(looks[59], kept(&SLOW, 590, true));
    }

    #[test]
    fn the_time_of_a_handler_begins_when_the_handler_begins() {
        let thread = Arc::new(WorkerActivity::default());
        let mut watched = WatchedThread::new(&thread);
        thread.begin_poll(1);
        thread.note_handler(&QUICK);
        let mut look = |tick: u64| watched.look(&thread, at(10 * tick));
        assert_eq!(look(0), Look::Active);
        assert_eq!(look(1), Look::Kept(None));
        thread.note_handler(&SLOW);
        for tick in 2..52 {
            assert_eq!(look(tick), Look::Kept(None), "{tick}");
        }
        assert_eq!(look(52), kept(&SLOW, 500, false));
    }
}

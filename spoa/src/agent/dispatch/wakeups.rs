//! How a connection is woken by handlers that are done, and by an agent that should stop.

use super::sync::{AtomicBool, Mutex, MutexGuard};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::{Wake, Waker};

/// The events that wake a connection besides its socket.
#[derive(Debug, Default)]
pub(crate) struct Wakeups {
    state: Mutex<WakeState>,
    any_ready: AtomicBool,
    draining: AtomicBool,
    out_of_time: AtomicBool,
}

/// The task of a connection, and the slots for which it is woken.
#[derive(Debug, Default)]
struct WakeState {
    /// The connection's task.
    task: Option<Waker>,
    /// The slots whose futures are to be polled.
    ready: Vec<usize>,
}

impl Wakeups {
    fn lock(&self) -> MutexGuard<'_, WakeState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets the waker. The connection calls it only if its waker has changed.
    pub(crate) fn register(&self, waker: &Waker) {
        self.lock().task = Some(waker.clone());
    }

    pub(crate) fn drain(&self) {
        self.draining.store(true, Ordering::Release);
        self.wake();
    }

    /// Ends a drain that has taken too long.
    pub(crate) fn cut_short(&self) {
        self.out_of_time.store(true, Ordering::Release);
        self.wake();
    }

    pub(crate) fn out_of_time(&self) -> bool {
        self.out_of_time.load(Ordering::Acquire)
    }

    #[inline]
    pub(crate) fn draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// Swaps the slots that are ready into `into`, which must be empty.
    #[inline]
    pub(crate) fn take_ready(&self, into: &mut Vec<usize>) {
        // The flag spares the lock while nothing is in flight.
        if self.any_ready.swap(false, Ordering::AcqRel) {
            std::mem::swap(into, &mut self.lock().ready);
        }
    }

    fn ready(&self, slot: usize) {
        self.lock().ready.push(slot);
        // A swap, so that it follows that of a `take_ready` which has not seen it.
        self.any_ready.swap(true, Ordering::AcqRel);
        self.wake();
    }

    /// Wakes the connection, so that it is polled.
    pub(crate) fn wake(&self) {
        // The lock is free again when the task is woken.
        let task = self.lock().task.clone();
        if let Some(task) = task {
            task.wake();
        }
    }
}

/// Wakes one slot of one connection.
#[derive(Debug)]
pub(crate) struct SlotWaker {
    slot: usize,
    woken: AtomicBool,
    wakeups: Arc<Wakeups>,
}

impl SlotWaker {
    pub(crate) fn new(slot: usize, wakeups: &Arc<Wakeups>) -> Arc<Self> {
        Arc::new(SlotWaker {
            slot,
            woken: AtomicBool::new(false),
            wakeups: wakeups.clone(),
        })
    }

    /// Lets the next wake through again; called before each poll.
    pub(crate) fn rearm(&self) {
        // Not a store: the poll must see what the last waker wrote before it found the flag set.
        self.woken.swap(false, Ordering::AcqRel);
    }
}

impl Wake for SlotWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Two wakes before a poll push the slot once: the list of ready slots stays short.
        if !self.woken.swap(true, Ordering::AcqRel) {
            self.wakeups.ready(self.slot);
        }
    }
}

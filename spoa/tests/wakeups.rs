//! The protocol by which handlers wake their connection, in every order in which threads can meet.
//!
//! The module itself is compiled here with the primitives of loom, which tries all orders and fails where
//! a connection would wait for ever.

mod sync {
    pub(super) use loom::sync::atomic::AtomicBool;
    pub(super) use loom::sync::{Mutex, MutexGuard};
}

#[path = "../src/agent/dispatch/wakeups.rs"]
#[expect(dead_code, reason = "the tests need a part of it")]
mod wakeups;

use loom::future::block_on;
use loom::thread;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use sync::AtomicBool;
use wakeups::{SlotWaker, Wakeups};

/// A handler that is done when another thread says so.
struct Handler {
    slot: Arc<SlotWaker>,
    done: AtomicBool,
}

impl Handler {
    fn new(slot: usize, wakeups: &Arc<Wakeups>) -> Arc<Self> {
        Arc::new(Handler {
            slot: SlotWaker::new(slot, wakeups),
            done: AtomicBool::new(false),
        })
    }

    /// Is done, and wakes the connection.
    fn finish(&self) {
        self.done.store(true, Ordering::Release);
        Waker::from(self.slot.clone()).wake();
    }

    /// Polls the handler as a connection does.
    fn poll(&self) -> bool {
        self.slot.rearm();
        self.done.load(Ordering::Acquire)
    }
}

/// Has a connection wait until all handlers are done, and, if `drains`, until it is told to drain.
fn wait_for(handlers: &[Arc<Handler>], wakeups: &Wakeups, drains: bool) {
    let mut waiting: Vec<usize> = (0..handlers.len()).collect();
    let mut ready = waiting.clone();
    let mut registered = false;
    block_on(poll_fn(|cx| {
        if !registered {
            wakeups.register(cx.waker());
            registered = true;
        }
        // The first time, all of them are polled.
        for slot in ready.drain(..) {
            if handlers.get(slot).is_some_and(|handler| handler.poll()) {
                waiting.retain(|other| *other != slot);
            }
        }
        wakeups.take_ready(&mut ready);
        for slot in ready.drain(..) {
            if handlers.get(slot).is_some_and(|handler| handler.poll()) {
                waiting.retain(|other| *other != slot);
            }
        }
        if waiting.is_empty() && (!drains || wakeups.draining()) {
            return Poll::Ready(());
        }
        Poll::Pending
    }));
}

/// Tries every order with at most two switches away from a thread that could go on.
fn try_all(model: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(model);
}

#[test]
fn no_wake_up_of_two_handlers_is_lost() {
    try_all(|| {
        let wakeups = Arc::new(Wakeups::default());
        let handlers = [0, 1].map(|slot| Handler::new(slot, &wakeups));
        let threads = handlers
            .clone()
            .map(|handler| thread::spawn(move || handler.finish()));
        wait_for(&handlers, &wakeups, false);
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_handler_that_wakes_twice_and_a_drain_are_both_seen() {
    try_all(|| {
        let wakeups = Arc::new(Wakeups::default());
        let handlers = [Handler::new(0, &wakeups)];
        let handler = handlers[0].clone();
        let early = thread::spawn(move || {
            // Woken for nothing first.
            Waker::from(handler.slot.clone()).wake();
            handler.finish();
        });
        let server = {
            let wakeups = wakeups.clone();
            thread::spawn(move || wakeups.drain())
        };
        wait_for(&handlers, &wakeups, true);
        early.join().unwrap();
        server.join().unwrap();
    });
}

//! One coarse timer for all that a connection waits for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is armed for the earliest of many instants and never moved later: when it goes off
/// too early, its owner looks at what is due and arms it again. So a stream of deadlines costs one
/// registration for each deadline's length, not one for each frame.
#[derive(Debug)]
pub(crate) struct Timer {
    sleep: Pin<Box<Sleep>>,
    armed: bool,
}

impl Timer {
    pub(crate) fn new(first: Instant) -> Self {
        Timer {
            sleep: Box::pin(sleep_until(first)),
            armed: true,
        }
    }

    /// Sees to it that it goes off by `at`.
    pub(crate) fn arm(&mut self, at: Instant) {
        if !self.armed || at < self.sleep.deadline() {
            self.sleep.as_mut().reset(at);
            self.armed = true;
        }
    }

    /// Waits until it goes off; it must then be armed again.
    pub(crate) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.armed {
            return Poll::Pending;
        }
        ready!(self.sleep.as_mut().poll(cx));
        self.armed = false;
        Poll::Ready(())
    }
}

//! One coarse timer for all that a connection waits for.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer that is armed for the earliest of many instants and never moved later: when it goes off
/// too early, its owner looks at what is due and arms it again. So a stream of deadlines costs one
/// registration for each deadline's length, not one for each frame.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
    rested: bool,
}

impl Timer {
    /// Sees to it that it goes off by `at`.
    pub(crate) fn arm(&mut self, at: Instant) {
        match &mut self.sleep {
            Some(sleep) if self.armed && sleep.deadline() <= at => return,
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(sleep_until(at))),
        }
        self.armed = true;
    }

    /// Waits until it goes off; it must then be armed again.
    pub(crate) fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let (Some(sleep), true) = (&mut self.sleep, self.armed) {
            ready!(sleep.as_mut().poll(cx));
            self.armed = false;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// There is nothing to wait for: frees what waiting takes, the first time (a HELLO has come, and most
    /// connections never wait again) and whenever the timer has gone off. In between it may be armed
    /// again in no time.
    #[inline]
    pub(crate) fn rest(&mut self) {
        if !self.armed || !self.rested {
            self.sleep = None;
            self.armed = false;
            self.rested = true;
        }
    }

    #[cfg(test)]
    pub(crate) fn is_kept(&self) -> bool {
        self.sleep.is_some()
    }
}

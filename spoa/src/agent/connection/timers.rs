//! The deadlines of a connection, in a table over one timer of tokio.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};

/// A timer of a connection. Of timers that expire at once, the first in this order is handled first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Timer {
    /// The time for the peer to close after the AGENT-DISCONNECT.
    Linger,
    /// The time for the peer to send its HELLO.
    Hello,
    /// The time for the peer to read its answers.
    Write,
    /// The time for the rest of a frame to arrive.
    Frame,
    /// The time that a connection may be idle.
    Idle,
    /// The age at which the connection is closed.
    Lifetime,
    /// The time until the next attempt to close in a quiet moment.
    GracefulClose,
    /// The earliest deadline of running handlers.
    Handlers,
}

impl Timer {
    const ALL: [Timer; 8] = [
        Timer::Linger,
        Timer::Hello,
        Timer::Write,
        Timer::Frame,
        Timer::Idle,
        Timer::Lifetime,
        Timer::GracefulClose,
        Timer::Handlers,
    ];
}

/// A deadline that never comes: the timer is stopped.
const NEVER: u64 = u64::MAX;

/// The deadline of each [`Timer`] that runs.
#[derive(Debug)]
pub(crate) struct TimerTable {
    start: Instant,
    /// In nanoseconds from `start`, which are half as large as an `Option<Instant>`.
    deadlines: [u64; Timer::ALL.len()],
    alarm: Alarm,
}

impl TimerTable {
    /// Makes a table for deadlines from `start` on, none of which runs.
    pub(crate) fn new(start: Instant) -> Self {
        TimerTable {
            start,
            deadlines: [NEVER; Timer::ALL.len()],
            alarm: Alarm::default(),
        }
    }

    #[inline]
    fn deadline(&mut self, timer: Timer) -> &mut u64 {
        #[expect(
            clippy::indexing_slicing,
            reason = "there is a place for each timer of the enum"
        )]
        &mut self.deadlines[timer as usize]
    }

    /// Sets a timer to expire at `deadline`.
    #[inline]
    pub(crate) fn set(&mut self, timer: Timer, deadline: Instant) {
        let after = deadline.saturating_duration_since(self.start);
        *self.deadline(timer) = after.as_nanos() as u64;
    }

    /// Sets a timer to `deadline`, or stops it without a deadline.
    #[inline]
    pub(crate) fn put(&mut self, timer: Timer, deadline: Option<Instant>) {
        match deadline {
            Some(deadline) => self.set(timer, deadline),
            None => self.stop(timer),
        }
    }

    #[inline]
    pub(crate) fn stop(&mut self, timer: Timer) {
        *self.deadline(timer) = NEVER;
    }

    /// Returns whether a timer runs.
    #[inline]
    pub(crate) fn runs(&mut self, timer: Timer) -> bool {
        *self.deadline(timer) != NEVER
    }

    /// Returns a timer that has expired, and the time it is. Otherwise the task is woken when one will
    /// have. It is the owner who stops the timer or sets it again.
    #[inline]
    pub(crate) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<(Timer, Instant)> {
        loop {
            let next = self.deadlines.iter().fold(NEVER, |next, at| next.min(*at));
            if next == NEVER {
                self.alarm.rest();
                return Poll::Pending;
            }
            self.alarm.arm(self.start + Duration::from_nanos(next));
            ready!(self.alarm.poll_elapsed(cx));
            let now = Instant::now();
            let passed = now.saturating_duration_since(self.start).as_nanos() as u64;
            let mut timers = Timer::ALL.into_iter().zip(self.deadlines);
            if let Some((timer, _)) = timers.find(|(_, at)| *at <= passed) {
                return Poll::Ready((timer, now));
            }
        }
    }
}

/// The one timer of tokio under many deadlines.
///
/// It is armed for the earliest of them and never moved later: when it goes off too early, the table
/// arms it again. So a stream of deadlines costs one registration for each deadline's length, not one
/// for each frame.
#[derive(Debug, Default)]
struct Alarm {
    sleep: Option<Pin<Box<Sleep>>>,
    armed: bool,
    rested: bool,
}

impl Alarm {
    /// Arms the alarm to go off at `at` at the latest.
    fn arm(&mut self, at: Instant) {
        match &mut self.sleep {
            Some(sleep) if self.armed && sleep.deadline() <= at => return,
            Some(sleep) => sleep.as_mut().reset(at),
            None => self.sleep = Some(Box::pin(sleep_until(at))),
        }
        self.armed = true;
    }

    /// Waits until the alarm goes off; it must then be armed again.
    fn poll_elapsed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let (Some(sleep), true) = (&mut self.sleep, self.armed) {
            ready!(sleep.as_mut().poll(cx));
            self.armed = false;
            return Poll::Ready(());
        }
        Poll::Pending
    }

    /// Frees the `Sleep` when no deadline is left: the first time, since a HELLO has come and most
    /// connections never wait again, and whenever it has gone off. Otherwise it keeps the `Sleep`, which
    /// will probably be armed again soon.
    #[inline]
    fn rest(&mut self) {
        if !self.armed || !self.rested {
            self.sleep = None;
            self.armed = false;
            self.rested = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::task::Waker;

    #[test]
    fn every_timer_has_its_own_slot() {
        for (place, timer) in Timer::ALL.into_iter().enumerate() {
            assert_eq!(timer as usize, place);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_earliest_timer_comes_first_and_of_equal_ones_the_most_serious() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = TimerTable::new(start);
        timers.set(Timer::Hello, at(30));
        timers.set(Timer::Handlers, at(20));
        timers.set(Timer::Frame, at(10));
        let first = poll_fn(|cx| timers.poll_expired(cx)).await;
        assert_eq!(first, (Timer::Frame, at(10)));
        // The alarm is armed for the 20th by now, and goes off without an expired deadline.
        timers.stop(Timer::Frame);
        timers.set(Timer::Handlers, at(30));
        let second = poll_fn(|cx| timers.poll_expired(cx)).await;
        assert_eq!(second, (Timer::Hello, at(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_waits_for_nothing_keeps_no_timer() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut timers = TimerTable::new(start);
        timers.set(Timer::Hello, at(30));
        let keeps = |timers: &mut TimerTable, ms: Option<u64>| {
            timers.put(Timer::Handlers, ms.map(at));
            let mut cx = Context::from_waker(Waker::noop());
            assert_eq!(timers.poll_expired(&mut cx), Poll::Pending);
            timers.alarm.sleep.is_some()
        };
        assert!(keeps(&mut timers, None));
        timers.stop(Timer::Hello);
        assert!(!keeps(&mut timers, None));
        // A handler that waited will not be the last.
        assert!(keeps(&mut timers, Some(20)));
        assert!(keeps(&mut timers, None));
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert!(keeps(&mut timers, Some(40)));
        tokio::time::sleep(Duration::from_millis(25)).await;
        let expired = poll_fn(|cx| timers.poll_expired(cx)).await;
        assert_eq!(expired, (Timer::Handlers, at(50)));
        assert!(!keeps(&mut timers, None));
    }
}

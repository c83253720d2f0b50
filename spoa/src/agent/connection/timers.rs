//! What a connection waits for, and until when: many deadlines, one timer.
//!
//! It knows neither sockets nor handlers: its owner sets the times, and is told which has come.

use super::timer::Timer;
use std::task::{Context, Poll, ready};
use tokio::time::Instant;

/// What is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// The peer had until now to close after the goodbye.
    Linger,
    /// The peer had until now to say HELLO.
    Hello,
    /// The peer had until now to read its answers.
    Write,
    /// The peer had until now to send the rest of a frame.
    Frame,
    /// Nothing has come for long.
    Idle,
    /// The connection has lived for long enough.
    Lifetime,
    /// Answers were held back, or nothing has come, for long enough.
    GracefulClose,
    /// Handlers had until now.
    Handlers,
}

/// The times a connection looks out for; `None` for what it does not wait for.
#[derive(Debug)]
pub(crate) struct Deadlines {
    timer: Timer,
    pub(crate) linger: Option<Instant>,
    pub(crate) hello: Option<Instant>,
    pub(crate) write: Option<Instant>,
    pub(crate) frame: Option<Instant>,
    pub(crate) idle: Option<Instant>,
    pub(crate) lifetime: Option<Instant>,
}

/// The times that others keep.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Others {
    pub(crate) closing: Option<Instant>,
    pub(crate) handlers: Option<Instant>,
}

impl Deadlines {
    /// Waits for a HELLO first.
    pub(crate) fn new(hello: Instant) -> Self {
        Deadlines {
            timer: Timer::default(),
            linger: None,
            hello: Some(hello),
            write: None,
            frame: None,
            idle: None,
            lifetime: None,
        }
    }

    /// What is due now, and the time it is; otherwise the task is woken when something will be.
    pub(crate) fn poll(&mut self, cx: &mut Context<'_>, others: Others) -> Poll<(Due, Instant)> {
        loop {
            let times = [
                (Due::Linger, self.linger),
                (Due::Hello, self.hello),
                (Due::Write, self.write),
                (Due::Frame, self.frame),
                (Due::Idle, self.idle),
                (Due::Lifetime, self.lifetime),
                (Due::GracefulClose, others.closing),
                (Due::Handlers, others.handlers),
            ];
            let Some(next) = times.iter().filter_map(|(_, at)| *at).min() else {
                self.timer.rest();
                return Poll::Pending;
            };
            self.timer.arm(next);
            ready!(self.timer.poll_elapsed(cx));
            let now = Instant::now();
            let past = |(_, at): &&(Due, Option<Instant>)| at.is_some_and(|at| at <= now);
            if let Some((due, _)) = times.iter().find(past) {
                return Poll::Ready((*due, now));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn the_earliest_comes_first_and_the_gravest_of_those_that_come_at_once() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut deadlines = Deadlines::new(at(30));
        let handlers = |ms| Others {
            handlers: Some(at(ms)),
            ..Others::default()
        };
        deadlines.frame = Some(at(10));
        let first = poll_fn(|cx| deadlines.poll(cx, handlers(20))).await;
        assert_eq!(first, (Due::Frame, at(10)));
        // The timer is armed for the 20th by now, and gone off for nothing then.
        deadlines.frame = None;
        let second = poll_fn(|cx| deadlines.poll(cx, handlers(30))).await;
        assert_eq!(second, (Due::Hello, at(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_for_nothing_keeps_no_timer() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut deadlines = Deadlines::new(at(30));
        let handlers = |ms: Option<u64>| Others {
            handlers: ms.map(at),
            ..Others::default()
        };
        let keeps = |deadlines: &mut Deadlines, ms| {
            let mut cx = Context::from_waker(std::task::Waker::noop());
            assert_eq!(deadlines.poll(&mut cx, handlers(ms)), Poll::Pending);
            deadlines.timer.is_kept()
        };
        assert!(keeps(&mut deadlines, None));
        deadlines.hello = None;
        assert!(!keeps(&mut deadlines, None));
        // A handler that waited will not be the last.
        assert!(keeps(&mut deadlines, Some(20)));
        assert!(keeps(&mut deadlines, None));
        tokio::time::sleep(Duration::from_millis(25)).await;
        assert!(keeps(&mut deadlines, Some(40)));
        tokio::time::sleep(Duration::from_millis(25)).await;
        let due = poll_fn(|cx| deadlines.poll(cx, handlers(Some(40)))).await;
        assert_eq!(due, (Due::Handlers, at(50)));
        assert!(!keeps(&mut deadlines, None));
    }
}

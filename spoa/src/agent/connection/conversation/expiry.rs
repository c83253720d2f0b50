//! The effects of a connection's expired timers.

use super::{ConnectionPhase, Conversation, Step};
use crate::agent::connection::lifetime;
use crate::agent::connection::timers::Timer;
use crate::agent::report::connections::{End, Late};
use crate::agent::worker::state::WorkerState;
use crate::spop::Status;
use std::task::{Context, Poll};
use tokio::time::Instant;

impl Conversation {
    /// Returns a timer that has expired, and the time it is. `unwritten` is whether the transport has bytes
    /// that have not left.
    pub(crate) fn poll_expired(
        &mut self,
        cx: &mut Context<'_>,
        unwritten: bool,
    ) -> Poll<(Timer, Instant)> {
        if unwritten && !self.timers.runs(Timer::Write) {
            let timeout = self.shared.limits.write_timeout;
            self.timers.set(Timer::Write, Instant::now() + timeout);
        }
        let quiet = match &self.phase {
            ConnectionPhase::Draining(close) => close.due(),
            _ => None,
        };
        self.timers.put(Timer::GracefulClose, quiet);
        self.timers.put(Timer::Handlers, self.in_flight.earliest());
        self.timers.poll_expired(cx)
    }

    /// Handles an expired timer. Returns the end if the connection is over.
    pub(crate) fn expire(
        &mut self,
        timer: Timer,
        now: Instant,
        unwritten: bool,
        worker: &mut WorkerState,
    ) -> Option<End> {
        match timer {
            Timer::Linger => return Some(End::Closed),
            Timer::Hello => return Some(End::Late(Late::Hello)),
            Timer::Write => return Some(End::Late(Late::Read)),
            Timer::Frame => return Some(End::Late(Late::Frame)),
            Timer::Idle => return self.idled(unwritten, worker),
            Timer::Lifetime => {
                self.timers.stop(Timer::Lifetime);
                self.drain(Some(now + lifetime::GRACE));
            }
            Timer::GracefulClose => {
                if let ConnectionPhase::Draining(close) = &mut self.phase {
                    close.expire(now);
                }
            }
            Timer::Handlers => {
                worker.activity.handlers_may_run();
                let waiting: Vec<_> = self.in_flight.waiting().collect();
                for slot in waiting {
                    self.dispatcher(worker).expire(slot, now);
                }
                self.in_flight.find_earliest();
            }
        }
        None
    }

    /// Closes gracefully if the peer has sent nothing for long and no answer is outstanding.
    fn idled(&mut self, unwritten: bool, worker: &mut WorkerState) -> Option<End> {
        let is_open = matches!(
            self.phase,
            ConnectionPhase::Open | ConnectionPhase::Draining(_)
        );
        let busy = self.in_flight.len() > 0 || !self.input.is_empty() || unwritten;
        if !is_open || busy {
            self.restart_idle_timer();
            return None;
        }
        match self.close_gracefully(Status::NORMAL, &mut worker.output) {
            Step::Ended(end) => Some(end),
            Step::More | Step::Wait => None,
        }
    }
}

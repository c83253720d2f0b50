//! The visits to a NOTIFY in flight: its handlers are polled when they are woken, and cancelled when they are late. The ACK
//! is written when the last of them is done.

use super::Dispatcher;
use super::in_flight::{AckPart, Deadline};
use super::observer_calls::HandledMessage;
use crate::agent::report::handlers as report;
use crate::agent::shared::observer::HandlerOutcome;
use crate::agent::shared::spans::within;
use crate::handler::guard::guard;
use crate::handler::{Context, Failure, Finished, JobFuture};
use crate::spop::Name;
use std::task::{self, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// Why the handlers of a slot are polled or cancelled.
#[derive(Clone, Copy)]
enum Visit {
    /// One of them was woken.
    Poll,
    /// Deadlines up to this time have passed.
    Expire(Instant),
    /// The agent stops, and has waited this long.
    GiveUp(Duration),
}

impl Dispatcher<'_> {
    /// Polls the handlers of a slot; answers its NOTIFY if all are done.
    pub(crate) fn resume(&mut self, index: usize) {
        self.visit(index, Visit::Poll);
    }

    /// Cancels the handlers of a slot whose deadline has passed.
    pub(crate) fn expire(&mut self, index: usize, now: Instant) {
        self.visit(index, Visit::Expire(now));
    }

    /// Cancels every handler of a slot; `after` is the time they had.
    pub(crate) fn give_up(&mut self, index: usize, after: Duration) {
        self.visit(index, Visit::GiveUp(after));
    }

    fn visit(&mut self, index: usize, visit: Visit) {
        let end = self.max_ack_size();
        let Some(slot) = self.in_flight.slot(index) else {
            return;
        };
        let ids = slot.ids;
        let mut request = None;
        if matches!(visit, Visit::Poll) {
            slot.handle.rearm();
        }
        let cx = &mut task::Context::from_waker(&slot.waker);
        for part in &mut slot.parts {
            let AckPart::Running(running) = part else {
                continue;
            };
            let entry = self.shared.table.entry(running.entry);
            let finished = match (visit, running.deadline) {
                (Visit::Poll, _) => {
                    self.worker.activity.note_handler(entry.definition);
                    let polled = match &running.trace {
                        None => poll_guarded(&mut running.future, cx),
                        Some(trace) => {
                            within(&trace.span, || poll_guarded(&mut running.future, cx))
                        }
                    };
                    match polled {
                        Poll::Ready(finished) => finished,
                        Poll::Pending => continue,
                    }
                }
                (Visit::Expire(now), Some(deadline)) if deadline.at <= now => {
                    Finished::failed(Failure::TimedOut(deadline.timeout))
                }
                (Visit::Expire(_), _) => continue,
                (Visit::GiveUp(after), _) => Finished::failed(Failure::Stopped(after)),
            };
            running.admitted.ended(matches!(visit, Visit::Poll));
            entry.count_duration(Some(running.begun), self.worker.shard);
            let observed = self.shared.observer.is_some();
            let success_variable = match &finished.job {
                Some(job) if observed => Some(job.success_variable.clone()),
                _ => None,
            };
            let (mut actions, left_out) = match finished.job {
                Some(mut job) => {
                    let actions = std::mem::replace(&mut job.actions, self.worker.buffer());
                    let left_out = job.left_out.take();
                    self.worker.recycle_job(job);
                    (actions, left_out)
                }
                None => (self.worker.buffer(), None),
            };
            let handled = HandledMessage {
                entry,
                name: Name::new(&running.message),
                req_id: running.req_id(),
                context: Context {
                    connection: self.connection,
                    ids,
                    deadline: running.deadline.map(Deadline::into_std),
                },
                begun: Some(running.begun),
            };
            if let Err(failure) = finished.result {
                let fail = || {
                    self.shared
                        .handle_failure_of_running(&handled, failure, &mut actions, end);
                };
                match &running.trace {
                    None => fail(),
                    Some(trace) => within(&trace.span, fail),
                }
            } else {
                entry.counters.handled(self.worker.shard);
                if let Some(left_out) = left_out {
                    entry.counters.left_out(&left_out);
                    report::left_out(
                        entry.definition,
                        &entry.line_limits,
                        &left_out,
                        handled.context,
                        handled.req_id,
                    );
                }
                if observed {
                    let success_variable = success_variable.as_deref();
                    let mut end = || {
                        let outcome = HandlerOutcome::Done;
                        self.shared.tell_ended(
                            &handled,
                            outcome,
                            &mut actions,
                            0,
                            success_variable,
                        );
                    };
                    match &running.trace {
                        None => end(),
                        Some(trace) => within(&trace.span, end),
                    }
                }
            }
            request = running.take_req_id().or(request);
            *part = AckPart::Done(actions);
        }
        if slot.parts.is_empty() || slot.is_waiting() {
            return;
        }
        let mut parts = std::mem::take(&mut slot.parts);
        let ack = self.begin_ack(ids);
        for part in parts.drain(..) {
            if let AckPart::Done(actions) = part {
                self.worker.output.extend_from_slice(&actions);
                self.worker.recycle(actions);
            }
        }
        if let Some(slot) = self.in_flight.slot(index) {
            slot.parts = parts;
        }
        self.in_flight.release(index);
        self.finish_ack(ack.open, ids, |_| request);
    }
}

/// Polls a handler; its panic is its failure.
#[inline(always)]
pub(super) fn poll_guarded(future: &mut JobFuture, cx: &mut task::Context<'_>) -> Poll<Finished> {
    guard(|| Ok(future.as_mut().poll(cx)))
        .unwrap_or_else(|failure| Poll::Ready(Finished::failed(failure)))
}

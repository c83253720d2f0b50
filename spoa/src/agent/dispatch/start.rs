//! The start of a handler that may have to wait: whether it may run now, its job, and its first poll.
//!
//! Handlers that are done when they return belong to `dispatch`. `visit` polls the others again.

use super::blocking_run::blocking;
use super::in_flight::{AckPart, Deadline, RunningHandler, Slot, Trace};
use super::visit::poll_guarded;
use super::{Dispatcher, PendingAck, run_in_place, with_success_variable};
use crate::agent::report::handlers as report;
use crate::agent::shared::handler_table::HandlerEntry;
use crate::agent::worker::state::{ReadTime, WorkerState};
use crate::handler::guard::guard;
use crate::handler::{
    ActionWriter, Context, Failure, Finished, IncomingMessage, Job, JobFuture, Overload, Run,
};
use std::borrow::Cow;
use std::task::{self, Poll};
use tokio::time::Instant;
use tracing::Span;

/// The limit on parts of one ACK that are awaited: a frame has room for thousands of messages, and each
/// handler that waits costs a future and its buffers. HAProxy's configurations have a handful.
const MAX_PARTS: usize = 256;

/// The state of a handler after its first poll.
enum FirstPoll {
    /// It did not have to wait.
    Done(Finished),
    /// It has to wait.
    Waiting(JobFuture),
    /// It failed, or panicked, before there was a future.
    Failed(Box<Failure>),
}

impl Dispatcher<'_> {
    /// Starts a handler that may have to wait, or runs a sync handler whose NOTIFY has such a handler already.
    #[inline(never)]
    pub(super) fn start_or_run_in_place(
        &mut self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
        ack: &mut PendingAck,
    ) {
        let shared = self.shared;
        self.worker.activity.note_handler(entry.definition);
        match entry.definition.run {
            Run::Sync(handler) => {
                self.run_in_order(entry, incoming, ack, with_success_variable(handler))
            }
            Run::Async(begin) => self.start(entry, incoming, ack, |job| Ok(begin(job))),
            Run::Blocking(handler) => {
                self.start(entry, incoming, ack, |job| match shared.blocking.take() {
                    Some(place) => {
                        let span = shared.spans.as_ref().map(|_| Span::current());
                        Ok(blocking(job, handler, place, span))
                    }
                    None => Err(Overload::Blocking(shared.limits.max_blocking).into()),
                });
            }
        }
    }

    /// Runs a handler that is done when it returns. If an earlier handler of the NOTIFY waits, the actions of that one come
    /// first in the ACK.
    fn run_in_order(
        &mut self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
        ack: &PendingAck,
        handler: impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>,
    ) {
        let (out, end) = match ack
            .slot_with_parts()
            .and_then(|slot| self.in_flight.slot(slot))
        {
            Some(slot) => (last_actions(&mut slot.parts, self.worker), ack.room),
            None => (&mut self.worker.output, ack.end()),
        };
        let start = ack.timed.then(Instant::now);
        let shard = self.worker.shard;
        run_in_place::<true>(self.shared, entry, incoming, out, end, shard, handler);
        entry.count_duration(start, shard);
    }

    /// Returns why a handler that may have to wait is not started now. It does not queue, since the
    /// messages after this one may be for quick handlers.
    #[inline(always)]
    fn overload(
        &mut self,
        entry: &HandlerEntry,
        slot: Option<usize>,
        now: ReadTime,
    ) -> Option<Overload> {
        let limits = &self.shared.limits;
        let budgets = &self.shared.budgets;
        let slot = slot.and_then(|slot| self.in_flight.slot(slot));
        match slot.map(|slot| slot.parts.len()) {
            Some(MAX_PARTS..) => return Some(Overload::Notify(MAX_PARTS)),
            None if self.in_flight.len() >= limits.max_in_flight => {
                return Some(Overload::Connection(limits.max_in_flight));
            }
            _ => {}
        }
        if budgets.in_flight.left() == 0 {
            return Some(Overload::Total(budgets.in_flight.limit));
        }
        if budgets.buffered.left() == 0 {
            return Some(Overload::Bytes(budgets.buffered.limit));
        }
        let in_time = !limits.adaptive_admission
            || entry
                .timeout
                .is_none_or(|timeout| entry.admission.admits(now.nanos, timeout));
        (!in_time).then_some(Overload::Deadline)
    }

    /// Starts a handler that may have to wait, if there is room for one.
    fn start(
        &mut self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
        ack: &mut PendingAck,
        begin: impl FnOnce(Box<Job>) -> Result<JobFuture, Failure>,
    ) {
        let now = self.worker.now();
        if let Some(overload) = self.overload(entry, ack.slot, now) {
            return self.run_in_order(entry, incoming, ack, |_, _| Err(overload.into()));
        }
        let deadline = entry.timeout.map(|timeout| Deadline {
            at: now.at + timeout,
            timeout,
        });
        let std_deadline = deadline.map(Deadline::into_std);
        let job = self.lend_job(incoming, ack, std_deadline);
        let bytes = job.message.capacity();
        let index = *ack
            .slot
            .get_or_insert_with(|| self.in_flight.reserve(ack.ids));
        let Some(slot) = self.in_flight.slot(index) else {
            return;
        };
        if self.shared.observer.is_some() {
            self.shared.tell_begun(entry, incoming, std_deadline);
        }
        let start = ack.timed.then(Instant::now);
        match begin_and_poll(slot, || begin(job)) {
            FirstPoll::Waiting(future) => {
                ack.waits = true;
                move_output_to_slot(slot, ack, self.worker);
                slot.parts.push(AckPart::Running(RunningHandler {
                    future,
                    entry: entry.index,
                    message: match entry.definition.message_name() {
                        Some(name) => Cow::Borrowed(name.as_bytes()),
                        None => Cow::Owned(incoming.message.name().as_bytes().to_vec()),
                    },
                    begun: now.at,
                    deadline,
                    admitted: entry.admission.admit(bytes),
                    trace: trace_of(entry, incoming, self.shared.spans.is_some()),
                }));
                if let Some(Deadline { at, .. }) = deadline {
                    self.in_flight.lower_earliest(at);
                }
            }
            FirstPoll::Done(finished) => {
                entry.admission.done_at_once();
                entry.count_duration(start, self.worker.shard);
                self.answer_at_once(entry, incoming, ack, finished, std_deadline, now.at);
            }
            FirstPoll::Failed(failure) => {
                let finished = Finished::failed(failure);
                self.answer_at_once(entry, incoming, ack, finished, std_deadline, now.at);
            }
        }
    }

    /// Lends a job to a handler, with a copy of the message.
    #[inline(always)]
    fn lend_job(
        &mut self,
        incoming: &IncomingMessage<'_>,
        ack: &PendingAck,
        deadline: Option<std::time::Instant>,
    ) -> Box<Job> {
        let mut job = self.worker.job(self.connection);
        job.message.copy(&incoming.message);
        job.success_variable.clear();
        if let Some(variable) = incoming.success_variable {
            job.success_variable.push_str(variable);
        }
        job.room = ack.room;
        job.ids = ack.ids;
        job.deadline = deadline;
        job
    }

    /// Answers a message whose handler did not have to wait. Its NOTIFY has a slot.
    #[inline(always)]
    fn answer_at_once(
        &mut self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
        ack: &PendingAck,
        finished: Finished,
        deadline: Option<std::time::Instant>,
        begun: Instant,
    ) {
        let (out, end) = match ack
            .slot_with_parts()
            .and_then(|slot| self.in_flight.slot(slot))
        {
            Some(slot) => (last_actions(&mut slot.parts, self.worker), ack.room),
            None => (&mut self.worker.output, ack.end()),
        };
        let before = out.len();
        let with_deadline = || IncomingMessage {
            context: Context {
                deadline,
                ..incoming.context
            },
            ..*incoming
        };
        if let Err(failure) = finished.result {
            let room = before..end;
            self.shared
                .handle_failure(entry, &with_deadline(), failure, out, room, Some(begun));
        } else if let Some(job) = &finished.job {
            entry.counters.handled(self.worker.shard);
            out.extend_from_slice(&job.actions);
            if let Some(left_out) = &job.left_out {
                entry.counters.left_out(left_out);
                let req_id = entry.trace_arguments.request_id(&incoming.message);
                report::left_out(
                    entry.definition,
                    &entry.line_limits,
                    left_out,
                    with_deadline().context,
                    req_id.as_deref(),
                );
            }
            if self.shared.observer.is_some() {
                self.shared
                    .tell_succeeded(entry, &with_deadline(), begun, out, before);
            }
        }
        if let Some(job) = finished.job {
            self.worker.recycle_job(job);
        }
    }
}

/// Returns how a message is found in logs and traces once it is gone.
#[inline(always)]
fn trace_of(
    entry: &HandlerEntry,
    incoming: &IncomingMessage<'_>,
    spans: bool,
) -> Option<Box<Trace>> {
    let req_id = entry.trace_arguments.request_id(&incoming.message);
    (spans || req_id.is_some()).then(|| {
        let span = if spans { Span::current() } else { Span::none() };
        Box::new(Trace { req_id, span })
    })
}

/// The encoded actions at the end of `parts`.
fn last_actions<'p>(parts: &'p mut Vec<AckPart>, worker: &mut WorkerState) -> &'p mut Vec<u8> {
    if !matches!(parts.last(), Some(AckPart::Done(_))) {
        parts.push(AckPart::Done(worker.buffer()));
    }
    match parts.last_mut() {
        Some(AckPart::Done(actions)) => actions,
        _ => unreachable!("the last part was just seen to be done"),
    }
}

/// Makes the future of a handler and polls it once.
#[inline(always)]
fn begin_and_poll(slot: &Slot, begin: impl FnOnce() -> Result<JobFuture, Failure>) -> FirstPoll {
    let mut future = match guard(begin) {
        Ok(future) => future,
        Err(failure) => return FirstPoll::Failed(failure),
    };
    slot.handle.rearm();
    let cx = &mut task::Context::from_waker(&slot.waker);
    match poll_guarded(&mut future, cx) {
        Poll::Ready(finished) => FirstPoll::Done(finished),
        Poll::Pending => FirstPoll::Waiting(future),
    }
}

/// Moves the actions of earlier messages out of the output, since their ACK will be late.
fn move_output_to_slot(slot: &mut Slot, ack: &PendingAck, worker: &mut WorkerState) {
    let payload = ack.open.payload();
    if slot.parts.is_empty() && worker.output.len() > payload {
        let mut head = worker.buffer();
        head.extend(worker.output.drain(payload..));
        slot.parts.push(AckPart::Done(head));
    }
}

//! Handlers that may have to wait: started, polled when they are woken, cancelled when they are late. The ACK is written
//! when the last handler of its NOTIFY is done.
//!
//! This module knows futures and deadlines. Handlers that are done when they return belong to `dispatch`.

use super::in_flight::{AckPart, Deadline, RunningHandler, Slot, Trace};
use super::observer_calls::HandledMessage;
use super::{Dispatcher, PendingAck, run_in_place, with_success_variable};
use crate::agent::report::handlers as report;
use crate::agent::shared::blocking::BlockingPlace;
use crate::agent::shared::handler_table::HandlerEntry;
use crate::agent::shared::observer::HandlerOutcome;
use crate::agent::shared::spans::within;
use crate::agent::worker::state::{ReadTime, WorkerState};
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{
    ActionWriter, Context, Failure, Finished, IncomingMessage, Job, JobFuture, Overload, Run,
};
use crate::spop::Name;
use std::borrow::Cow;
use std::task::{self, Poll};
use std::time::Duration;
use tokio::time::Instant;
use tracing::Span;

/// The limit on parts of one ACK that are awaited: a frame has room for thousands of messages, and each
/// handler that waits costs a future and its buffers. HAProxy's configurations have a handful.
const MAX_PARTS: usize = 256;

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

/// The state of a handler after its first poll.
enum FirstPoll {
    /// It did not have to wait.
    Done(Finished),
    /// It has to wait.
    Waiting(JobFuture),
    /// It failed, or panicked, before there was a future.
    Failed(Box<Failure>),
}

type SyncRun = fn(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>;

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

/// Polls a handler; its panic is its failure.
#[inline(always)]
fn poll_guarded(future: &mut JobFuture, cx: &mut task::Context<'_>) -> Poll<Finished> {
    guard(|| Ok(future.as_mut().poll(cx)))
        .unwrap_or_else(|failure| Poll::Ready(Finished::failed(failure)))
}

/// A blocking handler as a future.
fn blocking(job: Box<Job>, run: SyncRun, place: BlockingPlace, span: Option<Span>) -> JobFuture {
    match place {
        BlockingPlace::Free(permit) => Box::pin(run_blocking(job, run, permit, span)),
        BlockingPlace::Queue(turn) => Box::pin(async move {
            let permit = turn.wait().await;
            run_blocking(job, run, permit, span).await
        }),
    }
}

/// Starts a blocking handler on the pool, which keeps `permit` until it is done.
fn run_blocking(
    mut job: Box<Job>,
    run: SyncRun,
    permit: impl Send + 'static,
    span: Option<Span>,
) -> impl Future<Output = Finished> {
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let (incoming, mut actions) = job.parts();
        let mut run = || guard(|| run(&incoming, &mut actions));
        let result = match span {
            None => run(),
            Some(span) => {
                let result = within(&span, run);
                drop_quietly(span);
                result
            }
        };
        let left_out = actions.left_out();
        job.finish((result, left_out))
    });
    async move {
        work.await
            .unwrap_or_else(|error| Finished::failed(Failure::Error(error.into())))
    }
}

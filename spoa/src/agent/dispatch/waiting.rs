//! Handlers that may have to wait: started, polled when they are woken, cancelled when their time is
//! over. The ACK leaves when the last handler of its NOTIFY is done.
//!
//! It knows futures and deadlines. Handlers that are done when they return belong to `dispatch`.

use super::in_flight::{AckPart, Running, Slot, Trace};
use super::observing::HandledMessage;
use super::{Dispatcher, PendingAck, marking, run};
use crate::agent::report::handlers as report;
use crate::agent::shared::blocking::BlockingPlace;
use crate::agent::shared::handler_table::Entry;
use crate::agent::shared::observer::HandlerOutcome;
use crate::agent::shared::spans::within;
use crate::agent::worker::scratch::{Now, Scratch};
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
enum Begun {
    /// It did not have to wait.
    Done(Finished),
    /// It has to wait.
    Waiting(JobFuture),
    /// It failed, or panicked, before there was a future.
    Failed(Box<Failure>),
}

type SyncRun = fn(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>;

impl Dispatcher<'_> {
    /// Begins a handler that may have to wait, or runs one whose NOTIFY has such a handler already.
    #[inline(never)]
    pub(super) fn begin_or_follow(
        &mut self,
        entry: &Entry,
        incoming: &IncomingMessage<'_>,
        answer: &mut PendingAck,
    ) {
        let shared = self.shared;
        self.scratch.activity.runs(entry.definition);
        match entry.definition.run {
            Run::Sync(handler) => self.follow(entry, incoming, answer, marking(handler)),
            Run::Async(begin) => self.begin(entry, incoming, answer, |job| Ok(begin(job))),
            Run::Blocking(handler) => {
                self.begin(entry, incoming, answer, |job| {
                    match shared.blocking.take() {
                        Some(place) => {
                            let span = shared.spans.as_ref().map(|_| Span::current());
                            Ok(blocking(job, handler, place, span))
                        }
                        None => Err(Overload::Blocking(shared.limits.max_blocking).into()),
                    }
                });
            }
        }
    }

    /// Runs a handler in place. If an earlier handler of the NOTIFY waits, its actions come first.
    fn follow(
        &mut self,
        entry: &Entry,
        incoming: &IncomingMessage<'_>,
        answer: &PendingAck,
        handler: impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>,
    ) {
        let (out, end) = match answer.waiting().and_then(|slot| self.inflight.slot(slot)) {
            Some(slot) => (tail(&mut slot.parts, self.scratch), answer.room),
            None => (&mut self.scratch.output, answer.end()),
        };
        let start = answer.timed.then(Instant::now);
        let shard = self.scratch.shard;
        run::<true>(self.shared, entry, incoming, out, end, shard, handler);
        entry.took(start, shard);
    }

    /// Returns why a handler that may have to wait is not started now. It does not queue, since the
    /// messages after this one may be for quick handlers.
    #[inline(always)]
    fn overload(&mut self, entry: &Entry, slot: Option<usize>, now: Now) -> Option<Overload> {
        let limits = &self.shared.limits;
        let budgets = &self.shared.budgets;
        let slot = slot.and_then(|slot| self.inflight.slot(slot));
        match slot.map(|slot| slot.parts.len()) {
            Some(MAX_PARTS..) => return Some(Overload::Notify(MAX_PARTS)),
            None if self.inflight.len() >= limits.max_in_flight => {
                return Some(Overload::Connection(limits.max_in_flight));
            }
            _ => {}
        }
        if budgets.inflight.left() == 0 {
            return Some(Overload::Total(budgets.inflight.most));
        }
        if budgets.buffered.left() == 0 {
            return Some(Overload::Bytes(budgets.buffered.most));
        }
        let in_time = !limits.adaptive_admission
            || entry
                .deadline
                .is_none_or(|length| entry.load.admits(now.nanos, length));
        (!in_time).then_some(Overload::Deadline)
    }

    /// Begins a handler that may have to wait, if there is room for one.
    fn begin(
        &mut self,
        entry: &Entry,
        incoming: &IncomingMessage<'_>,
        answer: &mut PendingAck,
        begin: impl FnOnce(Box<Job>) -> Result<JobFuture, Failure>,
    ) {
        let now = self.scratch.now();
        if let Some(overload) = self.overload(entry, answer.slot, now) {
            return self.follow(entry, incoming, answer, |_, _| Err(overload.into()));
        }
        let deadline = entry.deadline.map(|length| (now.at + length, length));
        let until = deadline.map(|(at, _)| at.into_std());
        let job = self.job(incoming, answer, until);
        let bytes = job.message.capacity();
        let index = *answer
            .slot
            .get_or_insert_with(|| self.inflight.reserve(answer.ids));
        let Some(slot) = self.inflight.slot(index) else {
            return;
        };
        if self.shared.observer.is_some() {
            self.shared.tell_begun(entry, incoming, until);
        }
        let start = answer.timed.then(Instant::now);
        match self::start(slot, || begin(job)) {
            Begun::Waiting(future) => {
                answer.waits = true;
                set_aside(slot, answer, self.scratch);
                slot.parts.push(AckPart::Running(Running {
                    future,
                    entry: entry.index,
                    message: match entry.definition.message_name() {
                        Some(name) => Cow::Borrowed(name.as_bytes()),
                        None => Cow::Owned(incoming.message.name().as_bytes().to_vec()),
                    },
                    begun: now.at,
                    deadline,
                    work: entry.load.begin(bytes),
                    trace: trace(entry, incoming, self.shared.spans.is_some()),
                }));
                if let Some((at, _)) = deadline {
                    self.inflight.due_at(at);
                }
            }
            Begun::Done(finished) => {
                entry.load.done_at_once();
                entry.took(start, self.scratch.shard);
                self.end_at_once(entry, incoming, answer, finished, until, now.at);
            }
            Begun::Failed(failure) => {
                let finished = Finished::failed(failure);
                self.end_at_once(entry, incoming, answer, finished, until, now.at);
            }
        }
    }

    /// Lends a job to a handler, with a copy of the message.
    #[inline(always)]
    fn job(
        &mut self,
        incoming: &IncomingMessage<'_>,
        answer: &PendingAck,
        deadline: Option<std::time::Instant>,
    ) -> Box<Job> {
        let mut job = self.scratch.job(self.connection);
        job.message.copy(&incoming.message);
        job.answered.clear();
        if let Some(variable) = incoming.answered {
            job.answered.push_str(variable);
        }
        job.room = answer.room;
        job.ids = answer.ids;
        job.deadline = deadline;
        job
    }

    /// Answers a message whose handler did not have to wait. Its NOTIFY has a slot.
    #[inline(always)]
    fn end_at_once(
        &mut self,
        entry: &Entry,
        incoming: &IncomingMessage<'_>,
        answer: &PendingAck,
        finished: Finished,
        deadline: Option<std::time::Instant>,
        begun: Instant,
    ) {
        let (out, end) = match answer.waiting().and_then(|slot| self.inflight.slot(slot)) {
            Some(slot) => (tail(&mut slot.parts, self.scratch), answer.room),
            None => (&mut self.scratch.output, answer.end()),
        };
        let before = out.len();
        let limited = || IncomingMessage {
            context: Context {
                deadline,
                ..incoming.context
            },
            ..*incoming
        };
        if let Err(failure) = finished.result {
            let room = before..end;
            self.shared
                .fail(entry, &limited(), failure, out, room, Some(begun));
        } else if let Some(job) = &finished.job {
            entry.counters.handled(self.scratch.shard);
            out.extend_from_slice(&job.actions);
            if let Some(left_out) = &job.left_out {
                entry.counters.left_out(left_out);
                let req_id = entry.trace.request_id(&incoming.message);
                report::left_out(
                    entry.definition,
                    &entry.lines,
                    left_out,
                    limited().context,
                    req_id.as_deref(),
                );
            }
            if self.shared.observer.is_some() {
                self.shared.succeeded(entry, &limited(), begun, out, before);
            }
        }
        if let Some(job) = finished.job {
            self.scratch.recycle_job(job);
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
        let end = self.most();
        let Some(slot) = self.inflight.slot(index) else {
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
                    self.scratch.activity.runs(entry.definition);
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
                (Visit::Expire(now), Some((at, length))) if at <= now => {
                    Finished::failed(Failure::TimedOut(length))
                }
                (Visit::Expire(_), _) => continue,
                (Visit::GiveUp(after), _) => Finished::failed(Failure::Stopped(after)),
            };
            running.work.ended(matches!(visit, Visit::Poll));
            entry.took(Some(running.begun), self.scratch.shard);
            let observed = self.shared.observer.is_some();
            let answered = match &finished.job {
                Some(job) if observed => Some(job.answered.clone()),
                _ => None,
            };
            let (mut actions, left_out) = match finished.job {
                Some(mut job) => {
                    let actions = std::mem::replace(&mut job.actions, self.scratch.buffer());
                    let left_out = job.left_out.take();
                    self.scratch.recycle_job(job);
                    (actions, left_out)
                }
                None => (self.scratch.buffer(), None),
            };
            let handled = HandledMessage {
                entry,
                name: Name::new(&running.message),
                req_id: running.req_id(),
                context: Context {
                    connection: self.connection,
                    ids,
                    deadline: running.deadline.map(|(at, _)| at.into_std()),
                },
                begun: Some(running.begun),
            };
            if let Err(failure) = finished.result {
                let fail = || {
                    self.shared.fail_late(&handled, failure, &mut actions, end);
                };
                match &running.trace {
                    None => fail(),
                    Some(trace) => within(&trace.span, fail),
                }
            } else {
                entry.counters.handled(self.scratch.shard);
                if let Some(left_out) = left_out {
                    entry.counters.left_out(&left_out);
                    report::left_out(
                        entry.definition,
                        &entry.lines,
                        &left_out,
                        handled.context,
                        handled.req_id,
                    );
                }
                if observed {
                    let answered = answered.as_deref();
                    let mut end = || {
                        let outcome = HandlerOutcome::Done;
                        self.shared
                            .ends(&handled, outcome, &mut actions, 0, answered);
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
        let answer = self.answer(ids);
        for part in parts.drain(..) {
            if let AckPart::Done(actions) = part {
                self.scratch.output.extend_from_slice(&actions);
                self.scratch.recycle(actions);
            }
        }
        if let Some(slot) = self.inflight.slot(index) {
            slot.parts = parts;
        }
        self.inflight.release(index);
        self.finish(answer.ack, ids, |_| request);
    }
}

/// Returns how a message is found in logs and traces once it is gone.
#[inline(always)]
fn trace(entry: &Entry, incoming: &IncomingMessage<'_>, spans: bool) -> Option<Box<Trace>> {
    let req_id = entry.trace.request_id(&incoming.message);
    (spans || req_id.is_some()).then(|| {
        let span = if spans { Span::current() } else { Span::none() };
        Box::new(Trace { req_id, span })
    })
}

/// The encoded actions at the end of `parts`.
fn tail<'p>(parts: &'p mut Vec<AckPart>, scratch: &mut Scratch) -> &'p mut Vec<u8> {
    if !matches!(parts.last(), Some(AckPart::Done(_))) {
        parts.push(AckPart::Done(scratch.buffer()));
    }
    match parts.last_mut() {
        Some(AckPart::Done(actions)) => actions,
        _ => unreachable!("the last part was just seen to be done"),
    }
}

/// Begins a handler and polls it once.
#[inline(always)]
fn start(slot: &Slot, begin: impl FnOnce() -> Result<JobFuture, Failure>) -> Begun {
    let mut future = match guard(begin) {
        Ok(future) => future,
        Err(failure) => return Begun::Failed(failure),
    };
    slot.handle.rearm();
    let cx = &mut task::Context::from_waker(&slot.waker);
    match poll_guarded(&mut future, cx) {
        Poll::Ready(finished) => Begun::Done(finished),
        Poll::Pending => Begun::Waiting(future),
    }
}

/// Moves the actions of earlier messages out of the output, since their ACK will be late.
fn set_aside(slot: &mut Slot, answer: &PendingAck, scratch: &mut Scratch) {
    let payload = answer.ack.payload();
    if slot.parts.is_empty() && scratch.output.len() > payload {
        let mut head = scratch.buffer();
        head.extend(scratch.output.drain(payload..));
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

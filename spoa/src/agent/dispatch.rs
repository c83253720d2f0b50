//! From a NOTIFY to its ACK: runs the handlers, whatever they do.
//!
//! It knows buffers and futures, not sockets.

use super::Shared;
use super::inflight::{InFlight, Part, Running};
use super::panics::guard;
use super::scratch::Scratch;
use super::table::Entry;
use super::values;
use crate::handler::{
    ActionWriter, Connection, Context, Definition, Failure, Finished, Job, JobFuture, Overload,
    Request, Room, Run,
};
use crate::spop::{AckWriter, FrameIds, Message, Messages};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};
use std::time::Duration;
use tokio::time::Instant;

/// What it takes to answer the NOTIFYs of one connection during one poll.
pub(crate) struct Dispatcher<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) connection: &'a Arc<Connection>,
    pub(crate) inflight: &'a mut InFlight,
    pub(crate) scratch: &'a mut Scratch,
    /// The frame size agreed on, in bytes.
    pub(crate) limit: u32,
}

/// The most parts of one ACK that are awaited: a frame has room for thousands of messages, and each
/// handler that waits costs a future and its buffers. HAProxy's configurations have a handful.
const MAX_PARTS: usize = 256;

/// Why the handlers of a slot are looked at.
#[derive(Clone, Copy)]
enum Visit {
    /// One of them was woken.
    Poll,
    /// The time is this.
    Expire(Instant),
    /// The agent stops, and waited for so long.
    GiveUp(Duration),
}

type SyncRun = fn(&Request<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>;

impl<'a> Dispatcher<'a> {
    /// Runs the handlers of all messages. The ACK is appended to the output, or will be when the
    /// last of them is done.
    #[inline]
    pub(crate) fn notify(&mut self, ids: FrameIds, messages: Messages<'_>) {
        let shared = self.shared;
        let start = self.scratch.output.len();
        let ack = AckWriter::begin(ids, &mut self.scratch.output);
        let mut slot = None;
        if values::are_shown() {
            values::notify(messages, ids, self.connection);
        }
        for message in messages {
            let Some(entry) = shared.table.find(message.name().as_bytes()) else {
                shared.report_unknown(&message, self.connection, ids);
                continue;
            };
            if !entry.checked.load(Ordering::Relaxed) {
                shared.check_names(entry, &message, self.connection);
            }
            match entry.definition.run {
                Run::Sync(run) => self.run(run, entry, ids, &ack, message, slot),
                Run::Async(begin) => {
                    let begin = |job| Ok(begin(job));
                    self.begin(begin, entry, ids, &ack, message, &mut slot);
                }
                Run::Blocking(run) => {
                    let begin = |job| match shared.blocking_permit() {
                        Some(permit) => Ok(blocking(job, run, permit)),
                        None => Err(Overload::Blocking(shared.limits.max_blocking).into()),
                    };
                    self.begin(begin, entry, ids, &ack, message, &mut slot);
                }
            }
        }
        let waiting = slot.filter(|slot| self.inflight.slot(*slot).is_some_and(|s| s.is_waiting()));
        if waiting.is_some() {
            self.scratch.output.truncate(start);
            return;
        }
        if let Some(slot) = slot {
            self.inflight.release(slot);
        }
        self.finish(ack, ids);
    }

    /// Why no handler that may have to wait is begun now. Nobody is made to wait for a place: the
    /// messages behind this one may be those of handlers that are quick.
    fn overload(&mut self, entry: &Entry, slot: Option<usize>, now: Instant) -> Option<Overload> {
        let limits = &self.shared.limits;
        let totals = &self.shared.totals;
        let slot = slot.and_then(|slot| self.inflight.slot(slot));
        match slot.map(|slot| slot.parts.len()) {
            Some(MAX_PARTS..) => return Some(Overload::Notify(MAX_PARTS)),
            None if self.inflight.len() >= limits.max_inflight => {
                return Some(Overload::Connection(limits.max_inflight));
            }
            _ => {}
        }
        if totals.inflight.left() == 0 {
            return Some(Overload::Total(totals.inflight.most));
        }
        if totals.buffered.left() == 0 {
            return Some(Overload::Bytes(totals.buffered.most));
        }
        let in_time = entry
            .deadline
            .is_none_or(|length| entry.load.admits(now, length));
        (!in_time).then_some(Overload::Deadline)
    }

    /// Runs a handler in place.
    #[inline]
    fn run(
        &mut self,
        run: impl FnOnce(&Request<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>,
        entry: &Entry,
        ids: FrameIds,
        ack: &AckWriter,
        message: Message<'_>,
        slot: Option<usize>,
    ) {
        let request = self.request(ids, message, None);
        let room = ack.room(self.most(), &self.scratch.output);
        let (out, end) = match slot.and_then(|slot| self.inflight.slot(slot)) {
            Some(slot) if !slot.parts.is_empty() => (tail(&mut slot.parts, self.scratch), room),
            _ => (&mut self.scratch.output, ack.payload() + room),
        };
        let before = out.len();
        let mut room = Room::new(end);
        let given = guard(|| run(&request, &mut ActionWriter::within(out, &mut room)));
        if let Err(failure) = given {
            self.shared
                .fail(entry, &request, &failure, out, before, end);
        } else if room.left_out > 0 {
            self.shared
                .report_left_out(entry, room.left_out, request.context);
        }
        report_kept(entry.definition, self.scratch, self.shared);
    }

    /// Starts a handler that may have to wait, if there is room for one, and polls it once.
    fn begin(
        &mut self,
        begin: impl FnOnce(Job) -> Result<JobFuture, Failure>,
        entry: &Entry,
        ids: FrameIds,
        ack: &AckWriter,
        message: Message<'_>,
        slot: &mut Option<usize>,
    ) {
        let now = Instant::now();
        if let Some(overload) = self.overload(entry, *slot, now) {
            let refuse = |_: &Request<'_>, _: &mut ActionWriter<'_>| Err(overload.into());
            return self.run(refuse, entry, ids, ack, message, *slot);
        }
        let deadline = entry.deadline.map(|length| (now + length, length));
        let request = self.request(ids, message, deadline.map(|(at, _)| at.into_std()));
        let mut encoded = self.scratch.buffer();
        message.encode(&mut encoded);
        let bytes = encoded.capacity();
        let end = ack.room(self.most(), &self.scratch.output);
        let job = Job {
            message: encoded,
            actions: self.scratch.buffer(),
            room: Room::new(end),
            connection: self.connection.clone(),
            ids,
            deadline: request.context.deadline,
        };
        let index = *slot.get_or_insert_with(|| self.inflight.reserve(ids));
        let Some(slot) = self.inflight.slot(index) else {
            return;
        };
        let polled = guard(|| begin(job)).map(|mut future| {
            slot.handle.rearm();
            let cx = &mut task::Context::from_waker(&slot.waker);
            match poll(&mut future, cx) {
                Poll::Ready(finished) => Ok(finished),
                Poll::Pending => Err(future),
            }
        });
        report_kept(entry.definition, self.scratch, self.shared);
        let finished = match polled {
            Ok(Err(future)) => {
                let given = self.scratch.output.get(ack.payload()..);
                if slot.parts.is_empty() && given.is_some_and(|given| !given.is_empty()) {
                    // What the messages before gave leaves the output: this ACK will be late.
                    let mut head = self.scratch.buffer();
                    head.extend(self.scratch.output.drain(ack.payload()..));
                    slot.parts.push(Part::Done(head));
                }
                let name = match entry.definition.message() {
                    Some(name) => Cow::Borrowed(name.as_bytes()),
                    None => Cow::Owned(message.name().as_bytes().to_vec()),
                };
                let definition = entry.definition;
                slot.parts.push(Part::Running(Running {
                    future,
                    definition,
                    message: name,
                    deadline,
                    work: entry.load.begin(bytes),
                }));
                if let Some((at, _)) = deadline {
                    self.inflight.due_at(at);
                }
                return;
            }
            Ok(Ok(finished)) => {
                entry.load.done_at_once();
                finished
            }
            Err(failure) => Err(failure),
        };
        let out = if slot.parts.is_empty() {
            None
        } else {
            Some(tail(&mut slot.parts, self.scratch))
        };
        let (out, end) = match out {
            Some(out) => (out, end),
            None => (&mut self.scratch.output, ack.payload() + end),
        };
        let before = out.len();
        let finished = match finished {
            Ok(Finished {
                result: Err(failure),
                ..
            })
            | Err(failure) => {
                self.shared
                    .fail(entry, &request, &failure, out, before, end);
                return;
            }
            Ok(finished) => finished,
        };
        out.extend_from_slice(&finished.actions);
        if finished.left_out > 0 {
            self.shared
                .report_left_out(entry, finished.left_out, request.context);
        }
        self.scratch.recycle(finished.message);
        self.scratch.recycle(finished.actions);
    }

    /// Polls the handlers of a slot; answers its NOTIFY if all are done.
    pub(crate) fn resume(&mut self, index: usize) {
        self.visit(index, Visit::Poll);
    }

    /// Gives up the handlers of a slot whose deadline has passed.
    pub(crate) fn expire(&mut self, index: usize, now: Instant) {
        self.visit(index, Visit::Expire(now));
    }

    /// Gives up all handlers of a slot, which had so much time.
    pub(crate) fn give_up(&mut self, index: usize, after: Duration) {
        self.visit(index, Visit::GiveUp(after));
    }

    fn visit(&mut self, index: usize, visit: Visit) {
        let end = self.most();
        let Some(slot) = self.inflight.slot(index) else {
            return;
        };
        let ids = slot.ids;
        if matches!(visit, Visit::Poll) {
            slot.handle.rearm();
        }
        let cx = &mut task::Context::from_waker(&slot.waker);
        for part in &mut slot.parts {
            let Part::Running(running) = part else {
                continue;
            };
            let finished = match (visit, running.deadline) {
                (Visit::Poll, _) => {
                    let polled = poll(&mut running.future, cx);
                    report_kept(running.definition, self.scratch, self.shared);
                    match polled {
                        Poll::Ready(finished) => finished,
                        Poll::Pending => continue,
                    }
                }
                (Visit::Expire(now), Some((at, length))) if at <= now => {
                    Err(Failure::TimedOut(length))
                }
                (Visit::Expire(_), _) => continue,
                (Visit::GiveUp(after), _) => Err(Failure::TimedOut(after)),
            };
            running.work.ended(matches!(visit, Visit::Poll));
            let (mut actions, left_out, result) = match finished {
                Ok(finished) => {
                    self.scratch.recycle(finished.message);
                    (finished.actions, finished.left_out, finished.result)
                }
                Err(failure) => (self.scratch.buffer(), 0, Err(failure)),
            };
            let name = &running.message;
            let entry = self.shared.table.find(name);
            let context = Context {
                connection: self.connection,
                ids,
                deadline: running.deadline.map(|(at, _)| at.into_std()),
            };
            match (entry, result) {
                (Some(entry), Err(failure)) => {
                    self.shared
                        .fail_late(entry, name, context, &failure, &mut actions, end);
                }
                (Some(entry), Ok(())) if left_out > 0 => {
                    self.shared.report_left_out(entry, left_out, context);
                }
                _ => {}
            }
            *part = Part::Done(actions);
        }
        if slot.parts.is_empty() || slot.is_waiting() {
            return;
        }
        let ack = AckWriter::begin(ids, &mut self.scratch.output);
        let mut parts = std::mem::take(&mut slot.parts);
        for part in parts.drain(..) {
            if let Part::Done(actions) = part {
                self.scratch.output.extend_from_slice(&actions);
                self.scratch.recycle(actions);
            }
        }
        slot.parts = parts;
        self.inflight.release(index);
        self.finish(ack, ids);
    }

    fn request<'m>(
        &self,
        ids: FrameIds,
        message: Message<'m>,
        deadline: Option<std::time::Instant>,
    ) -> Request<'m>
    where
        'a: 'm,
    {
        let connection: &'a Connection = self.connection;
        let context = Context {
            connection,
            ids,
            deadline,
        };
        Request {
            message,
            context,
            states: &connection.states,
        }
    }

    /// The most bytes of an ACK.
    #[inline]
    fn most(&self) -> usize {
        // HAProxy ≥ 3.1 takes one byte less than the size agreed on: a frame of exactly that size
        // wedges the connection for good.
        (self.limit as usize).saturating_sub(1)
    }

    /// Closes an ACK, cutting actions that HAProxy could not take.
    #[inline]
    fn finish(&mut self, ack: AckWriter, ids: FrameIds) {
        let limit = self.most();
        let out = &mut self.scratch.output;
        if ack.size(out) > limit {
            self.shared
                .report_cut(&ack, limit, out, self.connection, ids);
        }
        if values::are_shown() {
            let actions = out.get(ack.payload()..).unwrap_or_default();
            values::ack(actions, ids, self.connection);
        }
        ack.finish(out);
    }
}

/// Names a handler that has kept its thread for long.
#[inline]
fn report_kept(definition: &Definition, scratch: &Scratch, shared: &Shared) {
    if let Some(kept) = scratch.watch.kept() {
        shared.report_kept(definition, kept);
    }
}

/// The encoded actions at the end of `parts`.
fn tail<'p>(parts: &'p mut Vec<Part>, scratch: &mut Scratch) -> &'p mut Vec<u8> {
    if !matches!(parts.last(), Some(Part::Done(_))) {
        parts.push(Part::Done(scratch.buffer()));
    }
    match parts.last_mut() {
        Some(Part::Done(actions)) => actions,
        _ => unreachable!("the last part was just seen to be done"),
    }
}

fn poll(future: &mut JobFuture, cx: &mut task::Context<'_>) -> Poll<Result<Finished, Failure>> {
    match guard(|| Ok(future.as_mut().poll(cx))) {
        Ok(Poll::Ready(finished)) => Poll::Ready(Ok(finished)),
        Ok(Poll::Pending) => Poll::Pending,
        Err(failure) => Poll::Ready(Err(failure)),
    }
}

/// A blocking handler as a future.
fn blocking(mut job: Job, run: SyncRun, permit: impl Send + 'static) -> JobFuture {
    let work = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let mut actions = job.take_actions();
        let result = guard(|| run(&job.request(), &mut actions.writer()));
        job.finish(actions, result)
    });
    Box::pin(async move {
        work.await.unwrap_or_else(|error| Finished {
            message: Vec::new(),
            actions: Vec::new(),
            left_out: 0,
            result: Err(Failure::Error(error.into())),
        })
    })
}

//! From a NOTIFY to its ACK: runs the handlers, whatever they do.
//!
//! It knows buffers and futures, not sockets.

use super::Shared;
use super::inflight::{InFlight, Part, Running};
use super::panics::guard;
use super::scratch::Scratch;
use super::table::Entry;
use crate::handler::{
    ActionWriter, Connection, Context, Definition, Failure, Finished, Job, JobFuture, Request, Run,
};
use crate::spop::{AckWriter, FrameIds, Message, Messages};
use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{self, Poll};
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
        for message in messages {
            let Some(entry) = shared.table.find(message.name().as_bytes()) else {
                shared.report_unknown(&message, self.connection, ids);
                continue;
            };
            if !entry.checked.load(Ordering::Relaxed) {
                shared.check_names(entry, &message, self.connection);
            }
            match entry.definition.run {
                Run::Sync(run) => self.run(run, entry, ids, message, slot),
                _ if self.is_full(slot) => {
                    self.run(|_, _| Err(Failure::Overloaded), entry, ids, message, slot);
                }
                Run::Async(begin) => self.begin(begin, entry, ids, &ack, message, &mut slot),
                Run::Blocking(run) => match shared.blocking_permit() {
                    Some(permit) => {
                        let begin = move |job| blocking(job, run, permit);
                        self.begin(begin, entry, ids, &ack, message, &mut slot);
                    }
                    None => self.run(|_, _| Err(Failure::Overloaded), entry, ids, message, slot),
                },
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

    /// Whether no more handlers of this NOTIFY may wait.
    fn is_full(&mut self, slot: Option<usize>) -> bool {
        let slot = slot.and_then(|slot| self.inflight.slot(slot));
        slot.is_some_and(|slot| slot.parts.len() >= MAX_PARTS)
    }

    /// Runs a handler in place.
    #[inline]
    fn run(
        &mut self,
        run: SyncRun,
        entry: &Entry,
        ids: FrameIds,
        message: Message<'_>,
        slot: Option<usize>,
    ) {
        let request = self.request(ids, message, None);
        let out = match slot.and_then(|slot| self.inflight.slot(slot)) {
            Some(slot) if !slot.parts.is_empty() => tail(&mut slot.parts, self.scratch),
            _ => &mut self.scratch.output,
        };
        let before = out.len();
        if let Err(failure) = guard(|| run(&request, &mut ActionWriter::new(out))) {
            self.shared.fail(entry, &request, &failure, out, before);
        }
        report_kept(entry.definition, self.scratch, self.shared);
    }

    /// Starts a handler that may have to wait, and polls it once.
    fn begin(
        &mut self,
        begin: impl FnOnce(Job) -> JobFuture,
        entry: &Entry,
        ids: FrameIds,
        ack: &AckWriter,
        message: Message<'_>,
        slot: &mut Option<usize>,
    ) {
        let deadline = entry
            .deadline
            .map(|length| (Instant::now() + length, length));
        let request = self.request(ids, message, deadline.map(|(at, _)| at.into_std()));
        let mut encoded = self.scratch.buffer();
        message.encode(&mut encoded);
        let job = Job {
            message: encoded,
            actions: self.scratch.buffer(),
            connection: self.connection.clone(),
            ids,
            deadline: request.context.deadline,
        };
        let index = *slot.get_or_insert_with(|| self.inflight.reserve(ids));
        let Some(slot) = self.inflight.slot(index) else {
            return;
        };
        let polled = guard(|| Ok(begin(job))).map(|mut future| {
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
                }));
                if let Some((at, _)) = deadline {
                    self.inflight.due_at(at);
                }
                return;
            }
            Ok(Ok(finished)) => finished,
            Err(failure) => Err(failure),
        };
        let out = if slot.parts.is_empty() {
            None
        } else {
            Some(tail(&mut slot.parts, self.scratch))
        };
        let (result, buffers) = match finished {
            Ok(finished) => (finished.result, Some((finished.message, finished.actions))),
            Err(failure) => (Err(failure), None),
        };
        let out = out.unwrap_or(&mut self.scratch.output);
        let before = out.len();
        match (result, &buffers) {
            (Ok(()), Some((_, actions))) => out.extend_from_slice(actions),
            (Ok(()), None) => {}
            (Err(failure), _) => self.shared.fail(entry, &request, &failure, out, before),
        }
        if let Some((message, actions)) = buffers {
            self.scratch.recycle(message);
            self.scratch.recycle(actions);
        }
    }

    /// Polls the handlers of a slot; answers its NOTIFY if all are done.
    pub(crate) fn resume(&mut self, index: usize) {
        self.visit(index, None);
    }

    /// Gives up the handlers of a slot whose deadline has passed.
    pub(crate) fn expire(&mut self, index: usize, now: Instant) {
        self.visit(index, Some(now));
    }

    fn visit(&mut self, index: usize, expired_by: Option<Instant>) {
        let Some(slot) = self.inflight.slot(index) else {
            return;
        };
        let ids = slot.ids;
        if expired_by.is_none() {
            slot.handle.rearm();
        }
        let cx = &mut task::Context::from_waker(&slot.waker);
        for part in &mut slot.parts {
            let Part::Running(running) = part else {
                continue;
            };
            let finished = match (expired_by, running.deadline) {
                (None, _) => {
                    let polled = poll(&mut running.future, cx);
                    report_kept(running.definition, self.scratch, self.shared);
                    match polled {
                        Poll::Ready(finished) => finished,
                        Poll::Pending => continue,
                    }
                }
                (Some(now), Some((at, length))) if at <= now => Err(Failure::TimedOut(length)),
                _ => continue,
            };
            let (actions, result) = match finished {
                Ok(finished) => {
                    self.scratch.recycle(finished.message);
                    (finished.actions, finished.result)
                }
                Err(failure) => (self.scratch.buffer(), Err(failure)),
            };
            let mut actions = actions;
            if let Err(failure) = result {
                let context = Context {
                    connection: self.connection,
                    ids,
                    deadline: running.deadline.map(|(at, _)| at.into_std()),
                };
                if let Some(entry) = self.shared.table.find(&running.message) {
                    let name = &running.message;
                    self.shared
                        .fail_late(entry, name, context, &failure, &mut actions);
                }
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

    /// Closes an ACK, cutting actions that HAProxy could not take.
    #[inline]
    fn finish(&mut self, ack: AckWriter, ids: FrameIds) {
        let out = &mut self.scratch.output;
        // HAProxy ≥ 3.1 takes one byte less than the size agreed on: a frame of exactly that size
        // wedges the connection for good.
        let limit = (self.limit as usize).saturating_sub(1);
        if ack.size(out) > limit {
            self.shared
                .report_cut(&ack, limit, out, self.connection, ids);
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
        let result = guard(|| run(&job.request(), &mut ActionWriter::new(&mut actions)));
        job.finish(actions, result)
    });
    Box::pin(async move {
        work.await.unwrap_or_else(|error| Finished {
            message: Vec::new(),
            actions: Vec::new(),
            result: Err(Failure::Error(error.into())),
        })
    })
}

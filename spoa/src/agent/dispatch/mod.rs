//! From a NOTIFY to its ACK: runs the handlers, whatever they do.
//!
//! It knows buffers, not sockets. It runs handlers that are done when they return; the
//! others belong to `waiting`.

mod failure;
pub(crate) mod in_flight;
mod observing;
mod waiting;
pub(crate) mod wakeups;

/// The primitives of `wakeups`, for which `tests/wakeups.rs` has those of loom.
mod sync {
    pub(super) use std::sync::Mutex;
    pub(super) use std::sync::atomic::AtomicBool;
}

use self::in_flight::InFlight;
use crate::agent::Shared;
use crate::agent::counters::Shard;
use crate::agent::report::{handlers as report, values};
use crate::agent::shared::handler_table::{Entry, HandlerTable};
use crate::agent::shared::spans::{Spans, within};
use crate::agent::shared::trace_arguments::TraceArguments;
use crate::agent::worker::scratch::Scratch;
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{
    ActionWriter, ConnectionInfo, Context, Failure, IncomingMessage, LeftOut, Run, mark,
};
use crate::spop::{FrameIds, Messages, OpenAck};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;
use tracing::Span;

/// Answers the NOTIFYs of one connection during one poll.
pub(crate) struct Dispatcher<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) connection: &'a Arc<ConnectionInfo>,
    pub(crate) inflight: &'a mut InFlight,
    pub(crate) scratch: &'a mut Scratch,
    /// The frame size agreed on, in bytes.
    pub(crate) limit: u32,
}

/// An ACK whose handlers are being run.
pub(super) struct PendingAck {
    pub(super) ack: OpenAck,
    pub(super) ids: FrameIds,
    /// The limit on the bytes of its actions.
    pub(super) room: usize,
    /// Its slot, once one of its handlers may have to wait.
    pub(super) slot: Option<usize>,
    /// Whether one of its handlers has to wait.
    pub(super) waits: bool,
    /// Whether its handlers are timed.
    pub(super) timed: bool,
}

impl PendingAck {
    /// Where its actions must end in the output.
    #[inline]
    pub(super) fn end(&self) -> usize {
        self.ack.payload() + self.room
    }

    /// Returns the slot with the parts of the ACK, if one of its handlers has to wait.
    #[inline]
    pub(super) fn waiting(&self) -> Option<usize> {
        self.slot.filter(|_| self.waits)
    }
}

impl<'a> Dispatcher<'a> {
    /// Makes a dispatcher for frames of at most `limit` bytes.
    #[inline(always)]
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        connection: &'a Arc<ConnectionInfo>,
        inflight: &'a mut InFlight,
        scratch: &'a mut Scratch,
        limit: u32,
    ) -> Self {
        Dispatcher {
            shared,
            connection,
            inflight,
            scratch,
            limit,
        }
    }

    /// Runs the handlers of all messages. The ACK is appended to the output, or will be when the
    /// last of them is done.
    // Inlined where frames are answered: a call costs 5 % of agent/address in benches/instructions.
    #[inline(always)]
    pub(crate) fn notify(&mut self, ids: FrameIds, messages: Messages<'_>) {
        if self.scratch.observes_next {
            return self.notify_observed(ids, messages);
        }
        self.run_all::<false>(ids, messages);
    }

    /// Runs the handlers of a NOTIFY that may be timed, have spans or an observer, or have its values shown. Any NOTIFY may
    /// take this way.
    #[cold]
    #[inline(never)]
    pub(crate) fn notify_observed(&mut self, ids: FrameIds, messages: Messages<'_>) {
        let shows_values = values::are_shown();
        if shows_values {
            let table = &self.shared.table;
            values::notify(messages, ids, self.connection, |message, index, name| {
                match table.find(message.name().as_bytes()) {
                    Some(entry) => entry.trace.is_secret(index, name),
                    // The name of the message may be misspelt.
                    None => table
                        .entries()
                        .any(|entry| entry.trace.is_secret(index, name)),
                }
            });
        }
        self.run_all::<true>(ids, messages);
        self.scratch.observes_next = shows_values || self.shared.watches_all;
    }

    /// Runs the handlers of all messages. Without `OBSERVED` it knows that nothing is timed or shown: to find
    /// that out for each message would cost 3 % of agent/address.
    #[inline(always)]
    fn run_all<const OBSERVED: bool>(&mut self, ids: FrameIds, messages: Messages<'_>) {
        let mut answer = self.answer(ids);
        self.scratch.polled.notifies += 1;
        if OBSERVED {
            answer.timed = std::mem::take(&mut self.scratch.times_next);
        }
        let end = answer.end();
        for message in messages {
            let incoming = IncomingMessage {
                message,
                context: Context {
                    connection: self.connection,
                    ids,
                    deadline: None,
                },
                answered: None,
            };
            if OBSERVED && self.shared.watches_all {
                self.watched(incoming, &mut answer);
                continue;
            }
            if message.may_ask() {
                self.asked(incoming, &mut answer);
                continue;
            }
            let Some(entry) = self.find(&incoming) else {
                continue;
            };
            match entry.definition.run {
                Run::Sync(handler) if answer.slot.is_none() => {
                    self.scratch.activity.runs(entry.definition);
                    let start = (OBSERVED && answer.timed).then(Instant::now);
                    let (out, shard) = (&mut self.scratch.output, self.scratch.shard);
                    run::<false>(self.shared, entry, &incoming, out, end, shard, handler);
                    entry.took(start, shard);
                }
                _ => self.begin_or_follow(entry, &incoming, &mut answer),
            }
        }
        if let Some(slot) = answer.slot {
            if answer.waits {
                self.scratch.output.truncate(answer.ack.start());
                return;
            }
            self.inflight.release(slot);
        }
        if OBSERVED {
            self.finish(answer.ack, ids, |table| table.request_id(messages));
        } else {
            self.finish_unseen(answer.ack, ids, messages);
        }
    }

    /// Finds the handler of a message.
    #[inline(always)]
    fn find(&self, incoming: &IncomingMessage<'_>) -> Option<&'a Entry> {
        let name = incoming.message.name().as_bytes();
        let Some(entry) = self.shared.table.find(name) else {
            self.report_unknown(incoming);
            return None;
        };
        if !entry.checked.load(Ordering::Relaxed) {
            check_names(entry, incoming);
        }
        Some(entry)
    }

    #[cold]
    fn report_unknown(&self, incoming: &IncomingMessage<'_>) {
        self.shared.counters.unknown.add(1);
        let known = self.shared.table.definitions();
        report::unknown_message(&self.shared.lines, known, incoming, |meant| {
            let message = &incoming.message;
            let meant = meant.and_then(|name| self.shared.table.find(name.as_bytes()));
            let req_id = meant.and_then(|entry| entry.trace.request_id(message));
            req_id.or_else(|| TraceArguments::usual().request_id(message))
        });
    }

    /// Runs the handler of a message that has a span or an observer.
    #[cold]
    #[inline(never)]
    fn watched(&mut self, incoming: IncomingMessage<'_>, answer: &mut PendingAck) {
        match &self.shared.spans {
            Some(spans) => self.in_span(spans, incoming, answer),
            None => self.asked(incoming, answer),
        }
    }

    /// Runs the handler of a message in a span of its own.
    fn in_span(&mut self, spans: &Spans, incoming: IncomingMessage<'_>, answer: &mut PendingAck) {
        let name = incoming.message.name().as_bytes();
        let span = match self.shared.table.find(name) {
            Some(entry) => spans.open(entry, &incoming),
            None => Span::none(),
        };
        within(&span, || self.asked(incoming, answer));
        drop_quietly(span);
    }

    /// Runs the handler of a message that may ask to be told of its success, and tells the observer.
    // A function of its own, so that other handlers pay only for a test of one byte.
    #[cold]
    #[inline(never)]
    fn asked(&mut self, mut incoming: IncomingMessage<'_>, answer: &mut PendingAck) {
        incoming.answered = incoming.message.take_answered();
        let Some(entry) = self.find(&incoming) else {
            return;
        };
        match entry.definition.run {
            Run::Sync(handler) if answer.slot.is_none() => {
                self.scratch.activity.runs(entry.definition);
                let start = answer.timed.then(Instant::now);
                let (out, end) = (&mut self.scratch.output, answer.end());
                let shard = self.scratch.shard;
                run::<true>(
                    self.shared,
                    entry,
                    &incoming,
                    out,
                    end,
                    shard,
                    marking(handler),
                );
                entry.took(start, shard);
            }
            _ => self.begin_or_follow(entry, &incoming, answer),
        }
    }

    /// Begins the ACK of a NOTIFY.
    #[inline(always)]
    pub(super) fn answer(&mut self, ids: FrameIds) -> PendingAck {
        let ack = OpenAck::begin(ids, &mut self.scratch.output);
        PendingAck {
            room: ack.room(self.most(), &self.scratch.output),
            ack,
            ids,
            slot: None,
            waits: false,
            timed: false,
        }
    }

    /// The limit on the bytes of an ACK.
    #[inline]
    pub(super) fn most(&self) -> usize {
        // HAProxy ≥ 3.1 takes one byte less than the size agreed on: a frame of exactly that size
        // wedges the connection for good.
        (self.limit as usize).saturating_sub(1)
    }

    /// Closes an ACK, cutting actions that HAProxy could not take. The function gives the unique id of its request, for
    /// the line about that.
    #[inline(always)]
    pub(super) fn finish(
        &mut self,
        ack: OpenAck,
        ids: FrameIds,
        req_id: impl FnOnce(&HandlerTable) -> Option<String>,
    ) {
        self.cut_to_size(&ack, ids, req_id);
        let out = &mut self.scratch.output;
        if values::are_shown() {
            let actions = out.get(ack.payload()..).unwrap_or_default();
            values::ack(actions, ids, self.connection);
        }
        ack.finish(out);
        self.scratch.polled.acks += 1;
    }

    /// Closes an ACK as [`finish`](Dispatcher::finish) does, and shows no values.
    #[inline(always)]
    fn finish_unseen(&mut self, ack: OpenAck, ids: FrameIds, messages: Messages<'_>) {
        self.cut_to_size(&ack, ids, |table| table.request_id(messages));
        ack.finish(&mut self.scratch.output);
        self.scratch.polled.acks += 1;
    }

    #[inline(always)]
    fn cut_to_size(
        &mut self,
        ack: &OpenAck,
        ids: FrameIds,
        req_id: impl FnOnce(&HandlerTable) -> Option<String>,
    ) {
        let limit = self.most();
        let out = &mut self.scratch.output;
        if ack.size(out) > limit {
            let found = (ids, || req_id(&self.shared.table));
            cut(ack, limit, out, self.shared, self.connection, found);
        }
    }
}

/// Cuts actions that do not fit from an ACK.
#[cold]
fn cut(
    ack: &OpenAck,
    limit: usize,
    out: &mut Vec<u8>,
    shared: &Shared,
    connection: &ConnectionInfo,
    (ids, req_id): (FrameIds, impl FnOnce() -> Option<String>),
) {
    let size = ack.size(out);
    let mut left_out = LeftOut::default();
    let kept = ack.cut_to(limit, out, |action| left_out.add(action));
    shared.counters.cut.add(left_out.count() as u64);
    let req_id = req_id();
    let found = (ids, req_id.as_deref());
    let sizes = (size, limit);
    report::ack_too_large(&shared.lines, sizes, &left_out, kept, connection, found);
}

/// Compares the names of a handler's arguments with those of its first message.
#[cold]
fn check_names(entry: &Entry, incoming: &IncomingMessage<'_>) {
    if !entry.checked.swap(true, Ordering::Relaxed) {
        report::misspelt_arguments(entry.definition, incoming);
    }
}

impl Entry {
    /// Counts how long a handler took that began then, if it was timed.
    #[inline]
    pub(super) fn took(&self, start: Option<Instant>, shard: Shard) {
        if let Some(start) = start {
            self.counters.took(shard, start.elapsed());
        }
    }
}

/// Runs a handler in place: its actions are appended to `out`, which may grow to `end`. The observer is told of it only
/// with `OBSERVED`.
#[inline(always)]
pub(super) fn run<const OBSERVED: bool>(
    shared: &Shared,
    entry: &Entry,
    incoming: &IncomingMessage<'_>,
    out: &mut Vec<u8>,
    end: usize,
    shard: Shard,
    handler: impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>,
) {
    let before = out.len();
    let begun = if OBSERVED {
        shared.begins(entry, incoming)
    } else {
        None
    };
    let mut actions = ActionWriter::within(out, end);
    match guard(|| handler(incoming, &mut actions)) {
        Ok(()) => {
            entry.counters.handled(shard);
            if let Some(left_out) = actions.left_out() {
                entry.counters.left_out(&left_out);
                let req_id = entry.trace.request_id(&incoming.message);
                report::left_out(
                    entry.definition,
                    &entry.lines,
                    &left_out,
                    incoming.context,
                    req_id.as_deref(),
                );
            }
            if let Some(begun) = begun {
                shared.succeeded(entry, incoming, begun, out, before);
            }
        }
        Err(failure) => shared.fail(entry, incoming, failure, out, before..end, begun),
    }
}

/// A handler that says to HAProxy that it has succeeded, if HAProxy asks for that.
pub(super) fn marking(
    handler: impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>,
) -> impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure> {
    move |incoming, actions| {
        handler(incoming, actions)?;
        match incoming.answered {
            Some(variable) => mark(variable, actions),
            None => Ok(()),
        }
    }
}

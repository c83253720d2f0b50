//! From a NOTIFY to its ACK: runs the handlers, whatever they do.
//!
//! A NOTIFY takes one of two paths with the same steps. The fast path leaves out what most NOTIFYs do not need: times,
//! spans, the observer, values in the log. The slow path has all of it.
//!
//! This module knows buffers, not sockets. It runs handlers that are done when they return; the others belong to
//! `start` and `visit`.

mod blocking_run;
mod failure;
pub(crate) mod in_flight;
mod observer_calls;
mod start;
mod visit;
pub(crate) mod wakeups;

/// The primitives of `wakeups`, for which `tests/wakeups.rs` has those of loom.
mod sync {
    pub(super) use std::sync::atomic::AtomicBool;
    pub(super) use std::sync::{Mutex, MutexGuard};
}

use self::in_flight::InFlight;
use crate::agent::Shared;
use crate::agent::counters::Shard;
use crate::agent::report::{handlers as report, values};
use crate::agent::shared::handler_table::{HandlerEntry, HandlerTable};
use crate::agent::shared::spans::{Spans, within};
use crate::agent::shared::trace_arguments::TraceArguments;
use crate::agent::worker::state::WorkerState;
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{
    ActionWriter, ConnectionInfo, Context, Failure, IncomingMessage, LeftOut, Run,
    set_success_variable,
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
    pub(crate) in_flight: &'a mut InFlight,
    pub(crate) worker: &'a mut WorkerState,
    /// The frame size agreed on, in bytes.
    pub(crate) limit: u32,
}

/// An ACK whose handlers are being run.
pub(super) struct PendingAck {
    pub(super) open: OpenAck,
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
        self.open.payload() + self.room
    }

    /// Returns the slot with the parts of the ACK, if one of its handlers has to wait.
    #[inline]
    pub(super) fn slot_with_parts(&self) -> Option<usize> {
        self.slot.filter(|_| self.waits)
    }
}

impl<'a> Dispatcher<'a> {
    /// Makes a dispatcher for frames of at most `limit` bytes.
    #[inline(always)]
    pub(crate) fn new(
        shared: &'a Arc<Shared>,
        connection: &'a Arc<ConnectionInfo>,
        in_flight: &'a mut InFlight,
        worker: &'a mut WorkerState,
        limit: u32,
    ) -> Self {
        Dispatcher {
            shared,
            connection,
            in_flight,
            worker,
            limit,
        }
    }

    /// Runs the handlers of all messages. The ACK is appended to the output, or will be when the last of them is done.
    // Inlined where frames are answered: a call costs 5 % of agent/address in benches/instructions.
    #[inline(always)]
    pub(crate) fn handle_notify(&mut self, ids: FrameIds, messages: Messages<'_>) {
        if self.worker.next_takes_slow_path {
            return self.handle_notify_on_slow_path(ids, messages);
        }
        self.run_handlers::<false>(ids, messages);
    }

    /// Runs the handlers of all messages as [`handle_notify`](Dispatcher::handle_notify) does, and also times them, opens
    /// spans, tells the observer and logs values, as far as each applies. Any NOTIFY may take this path.
    #[cold]
    #[inline(never)]
    pub(crate) fn handle_notify_on_slow_path(&mut self, ids: FrameIds, messages: Messages<'_>) {
        let shows_values = values::are_shown();
        if shows_values {
            let table = &self.shared.table;
            values::notify(messages, ids, self.connection, |message, index, name| {
                match table.find(message.name().as_bytes()) {
                    Some(entry) => entry.trace_arguments.is_secret(index, name),
                    // The name of the message may be misspelt.
                    None => table
                        .entries()
                        .any(|entry| entry.trace_arguments.is_secret(index, name)),
                }
            });
        }
        self.run_handlers::<true>(ids, messages);
        self.worker.next_takes_slow_path = shows_values || self.shared.has_spans_or_observer;
    }

    /// Runs the handlers of all messages. Without `SLOW_PATH` nothing is timed, observed or shown, and the compiler knows
    /// it: checks for each message would cost 3 % of agent/address.
    #[inline(always)]
    fn run_handlers<const SLOW_PATH: bool>(&mut self, ids: FrameIds, messages: Messages<'_>) {
        let mut ack = self.begin_ack(ids);
        self.worker.polled.notifies += 1;
        if SLOW_PATH {
            ack.timed = std::mem::take(&mut self.worker.next_is_timed);
        }
        let end = ack.end();
        for message in messages {
            let incoming = IncomingMessage {
                message,
                context: Context {
                    connection: self.connection,
                    ids,
                    deadline: None,
                },
                success_variable: None,
            };
            if SLOW_PATH && self.shared.has_spans_or_observer {
                self.run_observed(incoming, &mut ack);
                continue;
            }
            if message.may_ask_for_success() {
                self.run_on_slow_path(incoming, &mut ack);
                continue;
            }
            let Some(entry) = self.find_handler(&incoming) else {
                continue;
            };
            match entry.definition.run {
                Run::Sync(handler) if ack.slot.is_none() => {
                    self.worker.activity.note_handler(entry.definition);
                    let start = (SLOW_PATH && ack.timed).then(Instant::now);
                    let (out, shard) = (&mut self.worker.output, self.worker.shard);
                    run_in_place::<false>(self.shared, entry, &incoming, out, end, shard, handler);
                    entry.count_duration(start, shard);
                }
                _ => self.start_or_run_in_place(entry, &incoming, &mut ack),
            }
        }
        if let Some(slot) = ack.slot {
            if ack.waits {
                self.worker.output.truncate(ack.open.start());
                return;
            }
            self.in_flight.release(slot);
        }
        if SLOW_PATH {
            self.finish_ack(ack.open, ids, |table| table.request_id(messages));
        } else {
            self.finish_ack_on_fast_path(ack.open, ids, messages);
        }
    }

    /// Finds the handler of a message.
    #[inline(always)]
    fn find_handler(&self, incoming: &IncomingMessage<'_>) -> Option<&'a HandlerEntry> {
        let name = incoming.message.name().as_bytes();
        let Some(entry) = self.shared.table.find(name) else {
            self.report_unknown(incoming);
            return None;
        };
        if !entry.names_compared.load(Ordering::Relaxed) {
            compare_argument_names(entry, incoming);
        }
        Some(entry)
    }

    #[cold]
    fn report_unknown(&self, incoming: &IncomingMessage<'_>) {
        self.shared.counters.unknown.add(1);
        let known = self.shared.table.definitions();
        report::unknown_message(&self.shared.line_limits, known, incoming, |meant| {
            let message = &incoming.message;
            let meant = meant.and_then(|name| self.shared.table.find(name.as_bytes()));
            let req_id = meant.and_then(|entry| entry.trace_arguments.request_id(message));
            req_id.or_else(|| TraceArguments::usual().request_id(message))
        });
    }

    /// Runs the handler of a message in an agent with spans or an observer.
    #[cold]
    #[inline(never)]
    fn run_observed(&mut self, incoming: IncomingMessage<'_>, ack: &mut PendingAck) {
        match &self.shared.spans {
            Some(spans) => self.run_in_span(spans, incoming, ack),
            None => self.run_on_slow_path(incoming, ack),
        }
    }

    /// Runs the handler of a message in a span of its own.
    fn run_in_span(&mut self, spans: &Spans, incoming: IncomingMessage<'_>, ack: &mut PendingAck) {
        let name = incoming.message.name().as_bytes();
        let span = match self.shared.table.find(name) {
            Some(entry) => spans.open(entry, &incoming),
            None => Span::none(),
        };
        within(&span, || self.run_on_slow_path(incoming, ack));
        drop_quietly(span);
    }

    /// Runs the handler of a message that may ask for the success variable, and tells the observer.
    // A function of its own, so that messages which do not ask pay only for a test of one byte.
    #[cold]
    #[inline(never)]
    fn run_on_slow_path(&mut self, mut incoming: IncomingMessage<'_>, ack: &mut PendingAck) {
        incoming.success_variable = incoming.message.take_success_variable();
        let Some(entry) = self.find_handler(&incoming) else {
            return;
        };
        match entry.definition.run {
            Run::Sync(handler) if ack.slot.is_none() => {
                self.worker.activity.note_handler(entry.definition);
                let start = ack.timed.then(Instant::now);
                let (out, end) = (&mut self.worker.output, ack.end());
                let shard = self.worker.shard;
                run_in_place::<true>(
                    self.shared,
                    entry,
                    &incoming,
                    out,
                    end,
                    shard,
                    with_success_variable(handler),
                );
                entry.count_duration(start, shard);
            }
            _ => self.start_or_run_in_place(entry, &incoming, ack),
        }
    }

    /// Begins the ACK of a NOTIFY.
    #[inline(always)]
    pub(super) fn begin_ack(&mut self, ids: FrameIds) -> PendingAck {
        let open = OpenAck::begin(ids, &mut self.worker.output);
        PendingAck {
            room: open.room(self.max_ack_size(), &self.worker.output),
            open,
            ids,
            slot: None,
            waits: false,
            timed: false,
        }
    }

    /// Returns the limit on the bytes of an ACK.
    #[inline]
    pub(super) fn max_ack_size(&self) -> usize {
        // HAProxy ≥ 3.1 takes one byte less than the size agreed on: a frame of exactly that size
        // wedges the connection for good.
        (self.limit as usize).saturating_sub(1)
    }

    /// Closes an ACK, and cuts actions that HAProxy could not take. `req_id` returns the unique id of the request, for the
    /// log line about the cut.
    #[inline(always)]
    pub(super) fn finish_ack(
        &mut self,
        ack: OpenAck,
        ids: FrameIds,
        req_id: impl FnOnce(&HandlerTable) -> Option<String>,
    ) {
        self.cut_to_size(&ack, ids, req_id);
        let out = &mut self.worker.output;
        if values::are_shown() {
            let actions = out.get(ack.payload()..).unwrap_or_default();
            values::ack(actions, ids, self.connection);
        }
        ack.finish(out);
        self.worker.polled.acks += 1;
    }

    /// Closes an ACK as [`finish_ack`](Dispatcher::finish_ack) does, without showing its actions.
    #[inline(always)]
    fn finish_ack_on_fast_path(&mut self, ack: OpenAck, ids: FrameIds, messages: Messages<'_>) {
        self.cut_to_size(&ack, ids, |table| table.request_id(messages));
        ack.finish(&mut self.worker.output);
        self.worker.polled.acks += 1;
    }

    #[inline(always)]
    fn cut_to_size(
        &mut self,
        ack: &OpenAck,
        ids: FrameIds,
        req_id: impl FnOnce(&HandlerTable) -> Option<String>,
    ) {
        let limit = self.max_ack_size();
        let out = &mut self.worker.output;
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
    report::ack_too_large(
        &shared.line_limits,
        sizes,
        &left_out,
        kept,
        connection,
        found,
    );
}

/// Compares the names of a handler's arguments with those of its first message.
#[cold]
fn compare_argument_names(entry: &HandlerEntry, incoming: &IncomingMessage<'_>) {
    if !entry.names_compared.swap(true, Ordering::Relaxed) {
        report::misspelt_arguments(entry.definition, incoming);
    }
}

impl HandlerEntry {
    /// Counts the time since `start`, if the handler is timed.
    #[inline]
    pub(super) fn count_duration(&self, start: Option<Instant>, shard: Shard) {
        if let Some(start) = start {
            self.counters.count_duration(shard, start.elapsed());
        }
    }
}

/// Runs a handler, which is done when it returns. Its actions are appended to `out`, which may grow to `end`. The observer
/// is told only with `TELLS_OBSERVER`.
#[inline(always)]
pub(super) fn run_in_place<const TELLS_OBSERVER: bool>(
    shared: &Shared,
    entry: &HandlerEntry,
    incoming: &IncomingMessage<'_>,
    out: &mut Vec<u8>,
    end: usize,
    shard: Shard,
    handler: impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>,
) {
    let before = out.len();
    let begun = if TELLS_OBSERVER {
        shared.tell_begun_now(entry, incoming)
    } else {
        None
    };
    let mut actions = ActionWriter::within(out, end);
    match guard(|| handler(incoming, &mut actions)) {
        Ok(()) => {
            entry.counters.handled(shard);
            if let Some(left_out) = actions.left_out() {
                entry.counters.left_out(&left_out);
                let req_id = entry.trace_arguments.request_id(&incoming.message);
                report::left_out(
                    entry.definition,
                    &entry.line_limits,
                    &left_out,
                    incoming.context,
                    req_id.as_deref(),
                );
            }
            if let Some(begun) = begun {
                shared.tell_succeeded(entry, incoming, begun, out, before);
            }
        }
        Err(failure) => shared.handle_failure(entry, incoming, failure, out, before..end, begun),
    }
}

/// Returns a handler that also sets the success variable, if its message asks for one.
pub(super) fn with_success_variable(
    handler: impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure>,
) -> impl FnOnce(&IncomingMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure> {
    move |incoming, actions| {
        handler(incoming, actions)?;
        match incoming.success_variable {
            Some(variable) => set_success_variable(variable, actions),
            None => Ok(()),
        }
    }
}

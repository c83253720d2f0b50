//! Calls of the agent's observer around each handler, and actions that it withholds from HAProxy.

use super::in_flight::{Deadline, InFlight};
use crate::agent::report::handlers as report;
use crate::agent::shared::Shared;
use crate::agent::shared::handler_table::HandlerEntry;
use crate::agent::shared::observer::{HandlerBegun, HandlerEnded, HandlerOutcome};
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{
    ActionWriter, ConnectionInfo, Context, IncomingMessage, set_success_variable,
};
use crate::spop::{ActionIter, Name};
use tokio::time::Instant;

/// A message whose handler has ended, as the log and the observer know it.
#[derive(Clone, Copy)]
pub(super) struct HandledMessage<'a> {
    pub(super) entry: &'a HandlerEntry,
    /// The name of the message: the fallback's can be any.
    pub(super) name: Name<'a>,
    /// Its unique id.
    pub(super) req_id: Option<&'a str>,
    pub(super) context: Context<'a>,
    /// When its handler began; `None` if the observer was not told.
    pub(super) begun: Option<Instant>,
}

impl Shared {
    /// Tells the observer that a handler begins, and returns when that was; `None` without an observer.
    #[inline]
    pub(super) fn tell_begun_now(
        &self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
    ) -> Option<Instant> {
        self.observer.is_some().then(|| {
            self.tell_begun(entry, incoming, None);
            Instant::now()
        })
    }

    /// Tells the observer that a handler begins, which has this deadline.
    #[cold]
    pub(super) fn tell_begun(
        &self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
        deadline: Option<std::time::Instant>,
    ) {
        let Some(observer) = &self.observer else {
            return;
        };
        let begun = HandlerBegun {
            definition: entry.definition,
            message: incoming.message,
            context: Context {
                deadline,
                ..incoming.context
            },
            trace_arguments: &entry.trace_arguments,
        };
        self.call_observer((), || observer.begun(&begun));
    }

    /// Tells the observer that the handler of a message has succeeded, whose actions begin at `start` of `out`.
    #[cold]
    pub(super) fn tell_succeeded(
        &self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
        begun: Instant,
        out: &mut Vec<u8>,
        start: usize,
    ) {
        let req_id = entry.trace_arguments.request_id(&incoming.message);
        let handled = HandledMessage {
            entry,
            name: incoming.message.name(),
            req_id: req_id.as_deref(),
            context: incoming.context,
            begun: Some(begun),
        };
        self.tell_ended(
            &handled,
            HandlerOutcome::Done,
            out,
            start,
            incoming.success_variable,
        );
    }

    /// Tells the observer that a handler has ended, whose actions begin at `start` of `out`, and removes those that the
    /// observer withholds. `success_variable` is the variable that tells HAProxy that the handler has succeeded.
    #[cold]
    pub(super) fn tell_ended(
        &self,
        handled: &HandledMessage<'_>,
        outcome: HandlerOutcome<'_>,
        out: &mut Vec<u8>,
        start: usize,
        success_variable: Option<&str>,
    ) {
        let (Some(observer), Some(begun)) = (&self.observer, handled.begun) else {
            return;
        };
        let ended = HandlerEnded {
            definition: handled.entry.definition,
            message: handled.name,
            req_id: handled.req_id,
            context: handled.context,
            time: begun.elapsed(),
            outcome,
            actions: out.get(start..).unwrap_or_default(),
        };
        self.call_observer((), || observer.ended(&ended));
        // An observer that panics has not let HAProxy have the actions.
        if self.call_observer(true, || observer.withholds(&ended)) {
            let kept =
                success_variable.filter(|variable| ends_with_success(ended.actions, variable));
            withhold(out, start, kept);
        }
    }

    /// Tells the observer of running handlers that are dropped with their connection.
    #[inline]
    pub(crate) fn tell_dropped(&self, in_flight: &InFlight, connection: &ConnectionInfo) {
        if self.observer.is_some() {
            self.tell_all_dropped(in_flight, connection);
        }
    }

    #[cold]
    fn tell_all_dropped(&self, in_flight: &InFlight, connection: &ConnectionInfo) {
        for (ids, running) in in_flight.running() {
            let handled = HandledMessage {
                entry: self.table.entry(running.entry),
                name: Name::new(&running.message),
                req_id: running.req_id(),
                context: Context {
                    connection,
                    ids,
                    deadline: running.deadline.map(Deadline::into_std),
                },
                begun: Some(running.begun),
            };
            self.tell_ended(&handled, HandlerOutcome::Dropped, &mut Vec::new(), 0, None);
        }
    }

    /// Calls the observer, and returns `otherwise` if it panics.
    fn call_observer<T>(&self, otherwise: T, call: impl FnOnce() -> T) -> T {
        match guard(|| Ok(call())) {
            Ok(done) => done,
            Err(failure) => {
                report::observer_failed(&self.line_limits, &failure);
                drop_quietly(failure);
                otherwise
            }
        }
    }
}

/// Returns whether actions end with the one that tells HAProxy that the handler has succeeded.
fn ends_with_success(actions: &[u8], variable: &str) -> bool {
    let last = ActionIter::new(actions).flatten().last();
    last.is_some_and(|action| format!("{}.{}", action.scope().name(), action.name()) == variable)
}

/// Removes the actions of a handler, but for the one that tells HAProxy that it has succeeded.
fn withhold(out: &mut Vec<u8>, start: usize, kept: Option<&str>) {
    let end = out.len();
    out.truncate(start);
    if let Some(variable) = kept {
        // It fitted after the others, and its name was taken.
        let _ = set_success_variable(variable, &mut ActionWriter::within(out, end));
    }
}

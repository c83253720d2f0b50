//! Messages whose handler failed: the log line, and the actions of `on_failure`.

use super::observer_calls::HandledMessage;
use crate::agent::report::handlers as report;
use crate::agent::shared::Shared;
use crate::agent::shared::handler_table::HandlerEntry;
use crate::agent::shared::observer::HandlerOutcome;
use crate::agent::shared::spans;
use crate::handler::failed_message::{FailedMessage, OnFailureUse};
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{ActionWriter, Failure, IncomingMessage};
use std::ops::Range;
use tokio::time::Instant;

impl Shared {
    /// Counts and logs a failure, and replaces the actions of the handler by those of `on_failure`. The handler's actions
    /// begin at the start of `room` in `out`.
    #[cold]
    pub(super) fn handle_failure(
        &self,
        entry: &HandlerEntry,
        incoming: &IncomingMessage<'_>,
        failure: Box<Failure>,
        out: &mut Vec<u8>,
        room: Range<usize>,
        begun: Option<Instant>,
    ) {
        out.truncate(room.start);
        let message = &incoming.message;
        let req_id = entry.trace_arguments.request_id(message);
        let handled = HandledMessage {
            entry,
            name: message.name(),
            req_id: req_id.as_deref(),
            context: incoming.context,
            begun,
        };
        self.handle_failure_of(&handled, failure, out, room.end);
    }

    /// Handles the failure of a handler that has waited: of its message, only the name and the unique id are left. `out`
    /// holds only the handler's actions.
    #[cold]
    pub(super) fn handle_failure_of_running(
        &self,
        handled: &HandledMessage<'_>,
        failure: Box<Failure>,
        out: &mut Vec<u8>,
        end: usize,
    ) {
        out.clear();
        self.handle_failure_of(handled, failure, out, end);
    }

    /// Counts and logs a failure, appends the actions of `on_failure`, and tells the observer.
    // The failure may hold an error of the program, and any use of it may panic, its drop too.
    fn handle_failure_of(
        &self,
        handled: &HandledMessage<'_>,
        failure: Box<Failure>,
        out: &mut Vec<u8>,
        end: usize,
    ) {
        let &HandledMessage {
            entry,
            name,
            req_id,
            context,
            ..
        } = handled;
        let start = out.len();
        entry.counters.failed(&failure);
        self.counters.failed(&failure);
        let lines = (&entry.line_limits, &self.line_limits);
        let handlers = self.table.entries();
        let handlers = handlers.map(|it| (it.definition, &it.line_limits, &it.counters));
        report::failed(
            entry.definition,
            lines,
            handlers,
            &failure,
            name,
            context,
            req_id,
        );
        if self.spans.is_some() {
            spans::record_failure(&failure);
        }
        let failed = FailedMessage::new(&failure, name, context);
        self.append_on_failure_actions(entry, &failed, req_id, out, end);
        self.tell_ended(handled, HandlerOutcome::Failed(&failure), out, start, None);
        drop_quietly(failure);
    }

    /// Appends the actions of the handler's own `on_failure`, or else of the agent's.
    fn append_on_failure_actions(
        &self,
        entry: &HandlerEntry,
        failed: &FailedMessage<'_>,
        req_id: Option<&str>,
        out: &mut Vec<u8>,
        end: usize,
    ) {
        let own = entry.definition.on_failure;
        if own.is_none() && self.on_failure.is_none() {
            return;
        }
        let start = out.len();
        let mut actions = ActionWriter::within(out, end);
        let given = guard(|| match (own, &self.on_failure) {
            (Some(own), _) => own(OnFailureUse::Give(failed, &mut actions)),
            (None, Some(on_failure)) => on_failure(failed, &mut actions),
            (None, None) => Ok(()),
        });
        let left_out = actions.left_out();
        let context = failed.context();
        if let Err(failure) = given {
            out.truncate(start);
            let message = failed.message_name();
            report::on_failure_failed(&self.line_limits, &failure, message, context, req_id);
            drop_quietly(failure);
        } else if let Some(left_out) = left_out {
            entry.counters.left_out(&left_out);
            report::left_out(
                entry.definition,
                &entry.line_limits,
                &left_out,
                context,
                req_id,
            );
        }
    }
}

//! Messages whose handler failed: the log line, and the actions of `on_failure`.

use crate::agent::report::handlers as report;
use crate::agent::shared::Shared;
use crate::agent::shared::failed_message::FailedMessage;
use crate::agent::shared::handler_table::Entry;
use crate::handler::guard::guard;
use crate::handler::panics::drop_quietly;
use crate::handler::{ActionWriter, Context, Failure, IncomingMessage};
use crate::spop::Name;

impl Shared {
    /// Logs a failure, and puts the actions of `on_failure` in the place of those of the handler, which
    /// begin at `start` of `out`.
    #[cold]
    pub(super) fn fail(
        &self,
        entry: &Entry,
        incoming: &IncomingMessage<'_>,
        failure: Box<Failure>,
        out: &mut Vec<u8>,
        start: usize,
        end: usize,
    ) {
        out.truncate(start);
        let message = incoming.message.name();
        self.failed(entry, message, incoming.context, failure, out, end);
    }

    /// Logs the failure of a handler whose message is gone. `out` holds nothing but its actions.
    #[cold]
    pub(super) fn fail_late(
        &self,
        entry: &Entry,
        message: &[u8],
        context: Context<'_>,
        failure: Box<Failure>,
        out: &mut Vec<u8>,
        end: usize,
    ) {
        out.clear();
        self.failed(entry, Name::new(message), context, failure, out, end);
    }

    /// The failure may hold an error of the program, and any use of it may panic, its drop too.
    fn failed(
        &self,
        entry: &Entry,
        message: Name<'_>,
        context: Context<'_>,
        failure: Box<Failure>,
        out: &mut Vec<u8>,
        end: usize,
    ) {
        entry.counters.failed(&failure);
        self.counters.failed(&failure);
        report::failed(entry.definition, &entry.lines, &failure, message, context);
        let failed = FailedMessage::new(&failure, message, context);
        self.give_instead(entry, &failed, out, end);
        drop_quietly(failure);
    }

    /// Appends the actions of `on_failure`.
    fn give_instead(
        &self,
        entry: &Entry,
        failed: &FailedMessage<'_>,
        out: &mut Vec<u8>,
        end: usize,
    ) {
        let Some(on_failure) = &self.on_failure else {
            return;
        };
        let start = out.len();
        let mut actions = ActionWriter::within(out, end);
        let given = guard(|| on_failure(failed, &mut actions));
        let left_out = actions.left_out();
        let context = failed.context();
        if let Err(failure) = given {
            out.truncate(start);
            let message = failed.message_name();
            report::on_failure_failed(&self.lines, &failure, message, context);
            drop_quietly(failure);
        } else if let Some(left_out) = left_out {
            entry.counters.left_out(&left_out);
            report::left_out(entry.definition, &entry.lines, &left_out, context);
        }
    }
}

//! What all connections of an agent share: its handlers, its state, its bounds, its log lines.

pub(crate) mod admission;
pub(crate) mod budget;
pub(crate) mod handler_table;

use self::budget::Budgets;
use self::handler_table::{Entry, HandlerTable};
use crate::agent::Limits;
use crate::agent::reload::CurrentStates;
use crate::agent::report::rate_limit::{RateLimit, RateLimits};
use crate::agent::worker::watchdog::{self, BlockedWorker};
use crate::handler::guard::{drop_quietly, guard, quietly};
use crate::handler::{
    ActionWriter, ConnectionInfo, Context, Failure, IncomingMessage, LeftOut, Run,
};
use crate::spop::{AckWriter, FrameIds, Name};
use crate::text::{breaks_line, one_line};
use spoa_facts::nearest;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// A message whose handler failed, as `on_failure` sees it.
///
/// ```
/// use spoa::agent::FailedMessage;
/// use spoa::prelude::*;
///
/// fn on_failure(failed: &FailedMessage<'_>) -> SetVar<String> {
///     SetVar::transaction("agent_error", format!("{}: {}", failed.message_name(), failed.failure()))
/// }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FailedMessage<'a> {
    failure: &'a Failure,
    message: Name<'a>,
    context: Context<'a>,
}

impl<'a> FailedMessage<'a> {
    /// What happened.
    #[must_use]
    pub fn failure(&self) -> &'a Failure {
        self.failure
    }

    /// The name of the message.
    #[must_use]
    pub fn message_name(&self) -> Name<'a> {
        self.message
    }

    /// Where it came from.
    #[must_use]
    pub fn context(&self) -> Context<'a> {
        self.context
    }
}

/// The target of the log lines about handlers that failed, so that a filter can name them.
pub(crate) const FAILURES: &str = "spoa::failures";

/// Gives the actions of a message whose handler failed.
pub(crate) type OnFailure =
    Box<dyn Fn(&FailedMessage<'_>, &mut ActionWriter<'_>) -> Result<(), Failure> + Send + Sync>;

/// What all connections of an agent share.
pub(crate) struct Shared {
    pub(crate) name: Arc<str>,
    pub(crate) table: HandlerTable,
    pub(crate) current: Arc<CurrentStates>,
    pub(crate) limits: Limits,
    /// Whether health checks are to send HAProxy elsewhere.
    pub(crate) leaving: AtomicBool,
    pub(crate) on_failure: Option<OnFailure>,
    pub(crate) unknown: RateLimit,
    pub(crate) kept: RateLimit,
    pub(crate) kept_together: RateLimit,
    pub(crate) cut: RateLimit,
    pub(crate) failed_twice: RateLimit,
    pub(crate) refused: RateLimits<32>,
    pub(crate) unreadable: RateLimits<3>,
    pub(crate) too_many: RateLimit,
    pub(crate) ended_by_peer: RateLimits<16>,
    pub(crate) lost: RateLimit,
    pub(crate) outstanding: RateLimit,
    pub(crate) truncated: RateLimit,
    pub(crate) late: RateLimits<3>,
    pub(crate) full: RateLimit,
    pub(crate) budgets: Arc<Budgets>,
    pub(crate) blocking: Arc<AtomicUsize>,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Agent")
            .field("name", &self.name)
            .field("limits", &self.limits)
            .finish()
    }
}

/// Closures hold values of the program's own, whose drop may panic.
impl Drop for Shared {
    fn drop(&mut self) {
        drop_quietly(self.on_failure.take());
    }
}

/// A place among the blocking handlers, free again when dropped.
pub(crate) struct BlockingPermit(Arc<AtomicUsize>);

impl Drop for BlockingPermit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    /// Returns what tells this agent from others in the process.
    #[inline]
    pub(crate) fn id(&self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    /// A place among the blocking handlers, if there is one.
    pub(crate) fn blocking_permit(&self) -> Option<BlockingPermit> {
        let taken = self.blocking.fetch_add(1, Ordering::AcqRel);
        let permit = BlockingPermit(self.blocking.clone());
        (taken < self.limits.max_blocking).then_some(permit)
    }

    /// Logs a failure and puts what `on_failure` says in the place of what the handler gave, which
    /// begins at `start` of `out`.
    #[cold]
    pub(crate) fn fail(
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

    /// Logs the failure of a handler whose message is gone; its actions are all there is in `out`.
    #[cold]
    pub(crate) fn fail_late(
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

    /// The failure may hold an error of the handler's: whatever is done with it may panic, its drop too.
    fn failed(
        &self,
        entry: &Entry,
        message: Name<'_>,
        context: Context<'_>,
        failure: Box<Failure>,
        out: &mut Vec<u8>,
        end: usize,
    ) {
        let failed = FailedMessage {
            failure: &failure,
            message,
            context,
        };
        quietly(|| self.report_failure(entry, &failed));
        self.give_instead(entry, &failed, out, end);
        drop_quietly(failure);
    }

    fn report_failure(&self, entry: &Entry, failed: &FailedMessage<'_>) {
        let FailedMessage {
            failure,
            message,
            context,
        } = failed;
        let lines = match failure {
            Failure::Overloaded(_) => &entry.shed,
            _ => &entry.failures,
        };
        let Some(suppressed) = lines.pass() else {
            return;
        };
        let text = failure.to_string();
        // A field of the name `message` would take the place of the text.
        tracing::warn!(
            target: FAILURES,
            spoe_message = %message.excerpt(),
            handler = entry.definition.function(),
            peer = %context.peer(),
            engine = context.engine_id().unwrap_or("-"),
            stream = context.stream_id(),
            frame = context.frame_id(),
            suppressed,
            "handler `{}` failed: {}",
            entry.definition.short_name(),
            one_line(&text)
        );
    }

    /// Appends what `on_failure` gives.
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
        let FailedMessage {
            message, context, ..
        } = failed;
        match given {
            Ok(()) => {
                if let Some(left_out) = left_out {
                    self.report_left_out(entry, &left_out, *context);
                }
            }
            Err(problem) => {
                out.truncate(start);
                quietly(|| {
                    if let Some(suppressed) = self.failed_twice.pass() {
                        let text = problem.to_string();
                        tracing::error!(
                            spoe_message = %message.excerpt(),
                            peer = %context.peer(),
                            engine = context.engine_id().unwrap_or("-"),
                            stream = context.stream_id(),
                            frame = context.frame_id(),
                            suppressed,
                            "`on_failure` failed: {}; fix it: a message whose handler failed was \
                             answered without actions",
                            one_line(&text)
                        );
                    }
                });
                drop_quietly(problem);
            }
        }
    }

    /// Logs a message that no handler answers.
    #[cold]
    pub(crate) fn report_unknown(&self, incoming: &IncomingMessage<'_>) {
        quietly(|| self.say_unknown(incoming));
    }

    fn say_unknown(&self, incoming: &IncomingMessage<'_>) {
        let IncomingMessage {
            message, context, ..
        } = incoming;
        let Some(suppressed) = self.unknown.pass() else {
            return;
        };
        let known: Vec<_> = self
            .table
            .definitions()
            .filter_map(|d| d.message_name())
            .collect();
        let name = message.name().excerpt();
        let meant = nearest(&name, known.iter().copied());
        let meant = meant.map_or(String::new(), |meant| format!(" (did you mean `{meant}`?)"));
        tracing::warn!(
            peer = %context.peer(),
            engine = context.engine_id().unwrap_or("-"),
            stream = context.stream_id(),
            frame = context.frame_id(),
            suppressed,
            "no handler for message `{name}`{meant}: this agent answers `{}`; correct its name in \
             spoe.conf, or add `#[spoe_message(\"{name}\")]` or `#[spoe_fallback]`; handlers of another \
             crate need `use that_crate as _;`",
            known.join("`, `"),
        );
    }

    /// Warns, at the first message of a handler, of an argument that seems to be misspelt: where the
    /// parameter has a default or is an `Option`, nothing else would.
    #[cold]
    pub(crate) fn check_names(&self, entry: &Entry, incoming: &IncomingMessage<'_>) {
        if !entry.checked.swap(true, Ordering::Relaxed) {
            // It asks types of the program's own whether they have a default.
            quietly(|| self.compare_names(entry, incoming));
        }
    }

    fn compare_names(&self, entry: &Entry, incoming: &IncomingMessage<'_>) {
        let IncomingMessage {
            message, context, ..
        } = incoming;
        let shown = message.name().excerpt();
        let arguments = entry.definition.description().arguments;
        let taken: Vec<_> = arguments
            .iter()
            .filter_map(|argument| argument.name)
            .collect();
        let sent = || message.args().iter().filter_map(|arg| arg.name.to_str());
        // A peer chooses these names: what no spoe.conf has in it is no business of the log's.
        let is_name =
            |name: &&str| (1..=Name::EXCERPT).contains(&name.len()) && !name.contains(breaks_line);
        let strangers = || sent().filter(is_name).filter(|name| !taken.contains(name));
        for argument in arguments.iter().filter(|argument| !argument.required) {
            let Some(name) = argument
                .name
                .filter(|name| sent().all(|sent| sent != *name))
            else {
                continue;
            };
            if let Some(meant) = nearest(name, strangers()) {
                tracing::warn!(
                    peer = %context.peer(),
                    handler = entry.definition.function(),
                    "message `{shown}` has no argument `{name}`, so the handler goes without it; is \
                     it the `{meant}` that HAProxy sends? correct one of the two names: in \
                     `spoe-message {shown}` of spoe.conf, or with `#[arg(\"{meant}\")]`",
                );
            }
        }
    }

    /// Logs a handler that keeps its thread for long: whatever else that thread serves waits.
    #[cold]
    pub(crate) fn report_kept(&self, kept: BlockedWorker) {
        let mut definitions = self.table.definitions();
        let Some(definition) =
            definitions.find(|definition| watchdog::mark(definition) == kept.handler)
        else {
            return;
        };
        let (handler, time) = (definition.function(), kept.time);
        if kept.with_others {
            if let Some(suppressed) = self.kept_together.pass() {
                tracing::warn!(
                    handler,
                    suppressed,
                    "handlers that run one after another have kept a worker thread for {time:?}, \
                     this one last, and other requests wait: add `blocking` to the attributes of \
                     those that take milliseconds, or make them `async` and await"
                );
            }
            return;
        }
        let remedy = match definition.run {
            Run::Sync(_) => "add `blocking` to its attribute, or make it an `async fn` that awaits",
            Run::Async(_) | Run::Blocking(_) => {
                "nothing that blocks may stand in an `async fn`: await it, or make the handler a \
                 `fn` with `blocking`"
            }
        };
        if let Some(suppressed) = self.kept.pass() {
            tracing::warn!(
                handler,
                suppressed,
                "handler `{}` has kept its worker thread for {time:?} and is still running, and \
                 other requests wait: {remedy}",
                definition.short_name()
            );
        }
    }

    /// Logs that a handler gave more actions than fit; they were not even encoded.
    #[cold]
    pub(crate) fn report_left_out(&self, entry: &Entry, left_out: &LeftOut, context: Context<'_>) {
        let Some(suppressed) = entry.cut.pass() else {
            return;
        };
        quietly(|| {
            tracing::warn!(
                peer = %context.peer(),
                engine = context.engine_id().unwrap_or("-"),
                stream = context.stream_id(),
                frame = context.frame_id(),
                handler = entry.definition.function(),
                suppressed,
                "handler `{}`: {} into the frame that HAProxy takes, left out: {left_out}; set fewer or \
                 shorter variables, or raise `tune.bufsize` in haproxy.cfg",
                entry.definition.short_name(),
                left_out.actions(),
            );
        });
    }

    /// Cuts actions that do not fit from an ACK and logs which.
    #[cold]
    pub(crate) fn report_cut(
        &self,
        ack: &AckWriter,
        limit: usize,
        out: &mut Vec<u8>,
        connection: &ConnectionInfo,
        ids: FrameIds,
    ) {
        let size = ack.size(out);
        let mut left_out = LeftOut::default();
        let kept = ack.cut_to(limit, out, |action| left_out.add(action));
        let Some(suppressed) = self.cut.pass() else {
            return;
        };
        quietly(|| {
            tracing::warn!(
                peer = %connection.peer,
                engine = connection.engine_id.as_deref().unwrap_or("-"),
                stream = ids.stream_id,
                frame = ids.frame_id,
                suppressed,
                "ACK of {size} bytes: {} into the {limit} that HAProxy takes, left out: {left_out}; \
                 {kept} kept; set fewer or shorter variables, or raise `tune.bufsize` in haproxy.cfg",
                left_out.actions(),
            );
        });
    }
}

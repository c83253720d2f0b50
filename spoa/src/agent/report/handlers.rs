//! Lines about handlers: failures, actions left out of an ACK, messages without a handler.
//!
//! A subscriber is code of the program, so whatever it does must not cost a NOTIFY its ACK: all of these
//! run guarded.

use super::failures::{self, LogPlace};
use super::rate_limit::{Permitted, RateLimit};
use super::{HandlerLineLimits, LineLimits, about_frame};
use crate::agent::counters::HandlerCounters;
use crate::handler::panics::quietly;
use crate::handler::{ConnectionInfo, Context, Definition, Failure, IncomingMessage, LeftOut, Run};
use crate::log_target::{AGENT, FAILURES};
use crate::spop::{FrameIds, Name};
use crate::text::{breaks_line, one_line};
use spoa_facts::nearest;
use std::time::Duration;

/// The handlers of an agent, with what the log has told of each and with their counters.
pub(crate) trait Handlers<'a>:
    Iterator<Item = (&'a Definition, &'a HandlerLineLimits, &'a HandlerCounters)>
{
}

impl<'a, I> Handlers<'a> for I where
    I: Iterator<Item = (&'a Definition, &'a HandlerLineLimits, &'a HandlerCounters)>
{
}

/// Logs that a handler failed: in a line of its own if failures of its kind begin, else once a second together with
/// those of all handlers.
pub(crate) fn failed<'a>(
    definition: &Definition,
    (limits, all): (&HandlerLineLimits, &LineLimits),
    handlers: impl Handlers<'a>,
    failure: &Failure,
    message: Name<'_>,
    context: Context<'_>,
    req_id: Option<&str>,
) {
    let suppressed = match all.failures.place(&limits.failures, failure) {
        LogPlace::Untold => return,
        LogPlace::Summary(time) => {
            let handlers =
                handlers.map(|(definition, it, counters)| (definition, &it.failures, counters));
            let summary = failures::summary(handlers);
            quietly(|| {
                let text = failure.to_string();
                let tenths = (time.as_millis() + 50) / 100;
                tracing::warn!(target: FAILURES,
                    "handlers are failing; in the last {}.{}s: {summary}; the last one, `{}`: {}",
                    tenths / 10,
                    tenths % 10,
                    definition.short_name(),
                    one_line(&text)
                );
            });
            return;
        }
        LogPlace::Line { suppressed, begins } => {
            if begins {
                failures::begin(handlers.map(|(_, it, counters)| (&it.failures, counters)));
            }
            suppressed
        }
    };
    quietly(|| {
        let text = failure.to_string();
        // A field of the name `message` would take the place of the text.
        about_frame!(
            warn(target: FAILURES),
            context.connection,
            context.ids,
            req_id,
            spoe_message = %message.excerpt(),
            handler = definition.function(),
            suppressed,
            "handler `{}` failed: {}",
            definition.short_name(),
            one_line(&text)
        );
    });
}

/// Logs that `on_failure` failed itself.
pub(crate) fn on_failure_failed(
    limits: &LineLimits,
    failure: &Failure,
    message: Name<'_>,
    context: Context<'_>,
    req_id: Option<&str>,
) {
    let Some(Permitted { suppressed }) = limits.on_failure_failed.pass() else {
        return;
    };
    quietly(|| {
        let text = failure.to_string();
        about_frame!(error(target: AGENT),
            context.connection,
            context.ids,
            req_id,
            spoe_message = %message.excerpt(),
            suppressed,
            "`on_failure` failed: {}; fix it: a message whose handler failed was answered without \
             actions",
            one_line(&text)
        );
    });
}

/// Logs that the observer panicked.
pub(crate) fn observer_failed(limits: &LineLimits, failure: &Failure) {
    let Some(Permitted { suppressed }) = limits.observer_failed.pass() else {
        return;
    };
    quietly(|| {
        let text = failure.to_string();
        tracing::error!(target: AGENT,
            suppressed,
            "observer {}; fix it: it has missed a part of a message",
            one_line(&text)
        );
    });
}

/// Logs that work which a handler left for the time after its answer was dropped, since `most` futures were kept.
#[cold]
pub(crate) fn after_work_dropped(limit: &RateLimit, most: usize) {
    let Some(Permitted { suppressed }) = limit.pass() else {
        return;
    };
    quietly(|| {
        tracing::warn!(target: AGENT,
            suppressed,
            "work of `After` was dropped: {most} futures are kept, which is the limit \
             (`--max-after-work`); see what they wait for"
        );
    });
}

/// Logs that work after an answer panicked.
#[cold]
pub(crate) fn after_work_panicked(limit: &RateLimit, failure: &Failure) {
    let Some(Permitted { suppressed }) = limit.pass() else {
        return;
    };
    quietly(|| {
        let text = failure.to_string();
        tracing::error!(target: AGENT, suppressed, "work of `After` {}", one_line(&text));
    });
}

/// Logs that work after answers was cancelled when the agent stopped.
pub(crate) fn after_work_cancelled(count: usize, limit: Duration) {
    let (futures, were) = match count {
        1 => ("1 future".to_owned(), "was"),
        count => (format!("{count} futures"), "were"),
    };
    tracing::warn!(target: AGENT,
        "work of `After`: {futures} not done within {limit:?} {were} cancelled; see what takes so long, or \
         raise `--drain-timeout`"
    );
}

/// Logs a message that no handler answers. The function gives its unique id, from the argument that the handler of the
/// name that was meant has for it.
pub(crate) fn unknown_message<'d>(
    limits: &LineLimits,
    known: impl Iterator<Item = &'d Definition>,
    incoming: &IncomingMessage<'_>,
    req_id: impl FnOnce(Option<&str>) -> Option<String>,
) {
    let name = incoming.message.name();
    let Some(Permitted { suppressed }) = limits.unknown_message.pass(name.as_bytes()) else {
        return;
    };
    quietly(|| {
        let known: Vec<_> = known.filter_map(Definition::message_name).collect();
        let name = name.excerpt();
        let meant = nearest(&name, known.iter().copied());
        let req_id = req_id(meant);
        let meant = meant.map_or(String::new(), |meant| format!(" (did you mean `{meant}`?)"));
        about_frame!(warn(target: AGENT),
            incoming.context.connection,
            incoming.context.ids,
            req_id,
            suppressed,
            "no handler for message `{name}`{meant}: this agent answers `{}`; correct its name in \
             spoe.conf, or add `#[spoe_message(\"{name}\")]` or `#[spoe_fallback]`; handlers of another \
             crate need `use that_crate as _;`",
            known.join("`, `"),
        );
    });
}

/// Warns of an argument of a handler's first message that seems to be misspelt: where the parameter has
/// a default or is an `Option`, nothing else would.
// It asks types of the program whether they have a default, which may panic.
pub(crate) fn misspelt_arguments(definition: &Definition, incoming: &IncomingMessage<'_>) {
    quietly(|| compare_names(definition, incoming));
}

fn compare_names(definition: &Definition, incoming: &IncomingMessage<'_>) {
    let IncomingMessage {
        message, context, ..
    } = incoming;
    let shown = message.name().excerpt();
    let arguments = definition.description().arguments;
    let taken: Vec<_> = arguments
        .iter()
        .filter_map(|argument| argument.name)
        .collect();
    let sent = || message.args().iter().filter_map(|arg| arg.name.to_str());
    // Names come from the peer: do not log any that cannot occur in a spoe.conf.
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
            let or = match argument.attribute {
                "" => String::new(),
                attribute => format!(", or with `#[{attribute}(\"{meant}\")]`"),
            };
            tracing::warn!(target: AGENT,
                peer = %context.peer(),
                handler = definition.function(),
                "message `{shown}` has no argument `{name}`, so the handler runs without it; is \
                 it the `{meant}` that HAProxy sends? correct one of the two names: in \
                 `spoe-message {shown}` of spoe.conf{or}",
            );
        }
    }
}

/// Logs that a handler gave more actions than fit; those were not even encoded.
#[cold]
pub(crate) fn left_out(
    definition: &Definition,
    limits: &HandlerLineLimits,
    left_out: &LeftOut,
    context: Context<'_>,
    req_id: Option<&str>,
) {
    let Some(Permitted { suppressed }) = limits.left_out.pass() else {
        return;
    };
    quietly(|| {
        about_frame!(warn(target: AGENT),
            context.connection,
            context.ids,
            req_id,
            handler = definition.function(),
            suppressed,
            "handler `{}`: {} into the frame that HAProxy takes, left out: {left_out}; set fewer or \
             shorter variables, or raise `tune.bufsize` in haproxy.cfg",
            definition.short_name(),
            left_out.actions(),
        );
    });
}

/// Logs that an ACK of `size` bytes was cut to `limit`, with `kept` of its actions.
#[cold]
pub(crate) fn ack_too_large(
    limits: &LineLimits,
    (size, limit): (usize, usize),
    left_out: &LeftOut,
    kept: usize,
    connection: &ConnectionInfo,
    (ids, req_id): (FrameIds, Option<&str>),
) {
    let Some(Permitted { suppressed }) = limits.ack_too_large.pass() else {
        return;
    };
    quietly(|| {
        about_frame!(warn(target: AGENT),
            connection,
            ids,
            req_id,
            suppressed,
            "ACK of {size} bytes: {} into the {limit} that HAProxy takes, left out: {left_out}; \
             {kept} kept; set fewer or shorter variables, or raise `tune.bufsize` in haproxy.cfg",
            left_out.actions(),
        );
    });
}

/// Logs that a handler blocks its worker thread: everything else that the thread serves waits.
pub(crate) fn worker_blocked(definition: &Definition, limits: &HandlerLineLimits, time: Duration) {
    let remedy = match definition.run {
        Run::Sync(_) => "add `blocking` to its attribute, or make it an `async fn` that awaits",
        Run::Async(_) | Run::Blocking(_) => {
            "an `async fn` must not block: await instead, or make the handler a `fn` with `blocking`"
        }
    };
    if let Some(Permitted { suppressed }) = limits.worker_blocked.pass() {
        tracing::warn!(target: AGENT,
            handler = definition.function(),
            suppressed,
            "handler `{}` has kept its worker thread for {time:?} and is still running, and other \
             requests wait: {remedy}",
            definition.short_name()
        );
    }
}

/// Logs that handlers block a worker thread together, one after another. `definition` is the last.
pub(crate) fn worker_blocked_together(
    definition: &Definition,
    limits: &LineLimits,
    time: Duration,
) {
    if let Some(Permitted { suppressed }) = limits.worker_blocked_together.pass() {
        tracing::warn!(target: AGENT,
            handler = definition.function(),
            suppressed,
            "handlers that run one after another have kept a worker thread for {time:?}, this one \
             last, and other requests wait: add `blocking` to the attributes of those that take \
             milliseconds, or make them `async` and await"
        );
    }
}

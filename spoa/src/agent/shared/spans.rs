//! A span of `tracing` for each message, if spans are switched on.

use super::handler_table::HandlerEntry;
use crate::handler::panics::{catch, drop_quietly, quietly};
use crate::handler::{Failure, IncomingMessage};
use crate::log_target::SPANS;
use crate::text::one_line;
use std::fmt;
use tracing::Span;
use tracing::field::Empty;

/// Gives a new span its parent, from a `traceparent` header.
type Link = Box<dyn Fn(&Span, &str) + Send + Sync>;

/// Makes the spans of an agent.
#[derive(Default)]
pub(crate) struct Spans {
    link: Option<Link>,
}

impl fmt::Debug for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spans").finish_non_exhaustive()
    }
}

impl Spans {
    /// Makes spans whose parents are given by a function.
    pub(crate) fn linked(link: impl Fn(&Span, &str) + Send + Sync + 'static) -> Self {
        Spans {
            link: Some(Box::new(link)),
        }
    }

    /// Opens the span of a message.
    // A subscriber is code of the program.
    pub(crate) fn open(&self, entry: &HandlerEntry, incoming: &IncomingMessage<'_>) -> Span {
        let message = &incoming.message;
        let name = message.name().excerpt();
        let req_id = entry.trace_arguments.request_id(message);
        let ids = incoming.context.ids;
        let opened = catch(|| {
            // ERROR, so that `--log` never filters the span.
            let span = tracing::error_span!(target: SPANS, parent: None, "spoe_message",
                otel.name = &*name,
                otel.kind = "server",
                stream = ids.stream_id,
                frame = ids.frame_id,
                req_id,
                otel.status_code = Empty,
                otel.status_description = Empty,
            );
            if let (Some(link), Some(parent)) =
                (&self.link, entry.trace_arguments.traceparent(message))
            {
                link(&span, parent);
            }
            span
        });
        opened.unwrap_or_else(|panic| {
            drop_quietly(panic);
            Span::none()
        })
    }
}

/// Runs code within a span.
pub(crate) fn within<T>(span: &Span, run: impl FnOnce() -> T) -> T {
    let entered = catch(|| span.enter());
    let result = run();
    drop_quietly(entered);
    result
}

/// Notes in the current span that its message failed.
#[cold]
pub(crate) fn record_failure(failure: &Failure) {
    quietly(|| {
        let span = Span::current();
        span.record("otel.status_code", "ERROR");
        let text = failure.to_string();
        span.record("otel.status_description", &*one_line(&text));
    });
}

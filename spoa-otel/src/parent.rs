//! Gives the span of a message its parent.

use opentelemetry::Context;
use opentelemetry::trace::{SpanContext, TraceContextExt, TraceFlags, TraceState};
use spoa::http::TraceParent;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

/// Gives the span of a message its parent, from a `traceparent` header. Pass it to
/// [`spans_with_parent`](spoa::agent::AgentBuilder::spans_with_parent). An invalid header gives no parent.
///
/// ```
/// use spoa::agent::Agent;
/// use spoa::prelude::*;
///
/// #[spoe_message("ping")]
/// fn ping() {}
///
/// let builder = Agent::builder().handlers(handlers![ping]);
/// assert!(builder.spans_with_parent(spoa_otel::set_parent).build().is_ok());
/// ```
pub fn set_parent(span: &Span, traceparent: &str) {
    if let Some(parent) = TraceParent::parse(traceparent.as_bytes()) {
        // A span that no layer records has no parent to set.
        let _ = span.set_parent(parent_context(parent));
    }
}

/// Returns the context in which a span is a child of the span that sent the request, for spans that a program makes
/// without `tracing`.
///
/// ```
/// use spoa::http::TraceParent;
/// use spoa_otel::opentelemetry::trace::TraceContextExt;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent = TraceParent::parse(header.as_bytes()).unwrap();
/// let context = spoa_otel::parent_context(parent);
/// assert_eq!(context.span().span_context().span_id().to_string(), "00f067aa0ba902b7");
/// ```
#[must_use]
pub fn parent_context(parent: TraceParent) -> Context {
    let flags = TraceFlags::default().with_sampled(parent.is_sampled());
    let remote = true;
    let (trace, span) = (parent.trace_id().into(), parent.parent_id().into());
    let parent = SpanContext::new(trace, span, flags, remote, TraceState::default());
    Context::new().with_remote_span_context(parent)
}

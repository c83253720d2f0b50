//! Makes a span of each request, from its arrival to the headers of its response, and passes the trace on to the server.

mod routes;

use routes::Route;
use spoa::admin::Counters;
use spoa::http::{BadHeader, HeaderSet, Method, Path, TraceParent, Verdict};
use spoa::prelude::*;
use spoa::{State, Transaction};
use spoa_otel::Export;
use spoa_otel::opentelemetry::trace::{Span, SpanContext, SpanKind, Status, Tracer};
use spoa_otel::opentelemetry::{Context, KeyValue, global};
use std::process::ExitCode;
use std::time::SystemTime;

/// The memory that a span takes while its request is open, about.
const SPAN_BYTES: usize = 1024;

#[derive(clap::Args)]
struct Options {
    /// Pattern of paths that names spans: `/users/*/orders`
    #[arg(long, value_name = "PATTERN")]
    route: Vec<Route>,
}

spoa::outcomes! {
    /// The header that the server gets.
    pub struct Traced {
        request: set "traceparent";
    }
}

/// Requests by result: `answered`, `unanswered` (no server has answered), `unknown` (a response without a span).
static REQUESTS: Counters<1> = Counters::new("traces_requests", "Requests by result", ["result"]);

/// The span of a request that has no response yet.
struct Open {
    span: Option<global::BoxedSpan>,
    start: SystemTime,
}

impl Open {
    fn answered(mut self, status: u16) {
        REQUESTS.inc(["answered"]);
        if let Some(mut span) = self.span.take() {
            let code = i64::from(status);
            span.set_attribute(KeyValue::new("http.response.status_code", code));
            if status >= 500 {
                span.set_attribute(KeyValue::new("error.type", status.to_string()));
                span.set_status(Status::error(""));
            }
            span.end();
        }
    }
}

/// HAProxy answered by itself, or the client went away: nothing tells when.
impl Drop for Open {
    fn drop(&mut self) {
        if let Some(mut span) = self.span.take() {
            REQUESTS.inc(["unanswered"]);
            span.set_attribute(KeyValue::new("haproxy.response", "none"));
            span.end_with_timestamp(self.start);
        }
    }
}

/// Begins the span of a request.
#[spoe_message("trace-request", event = "on-frontend-http-request")]
fn trace_request(
    method: Option<Method<'_>>,
    path: Option<Path<'_>>,
    parent: Result<TraceParent, Mismatch>,
    open: Transaction<'_, Open>,
    State(options): State<'_, Options>,
) -> Result<Verdict<Traced>, BadHeader> {
    let method = method.map_or("_OTHER", |method| known(method.as_str()));
    let path = path.map_or(&b""[..], Path::as_bytes);
    let route = options.route.iter().find(|route| route.has(path));
    let mut name = match method {
        "_OTHER" => "HTTP".to_owned(),
        method => method.to_owned(),
    };
    let mut attributes = vec![KeyValue::new("http.request.method", method)];
    if let Some(route) = route {
        name = format!("{name} {route}");
        attributes.push(KeyValue::new("http.route", route.to_string()));
    }
    let tracer = global::tracer("traces");
    let start = SystemTime::now();
    let builder = tracer.span_builder(name).with_kind(SpanKind::Server);
    let builder = builder.with_start_time(start).with_attributes(attributes);
    let context = parent.as_ref().map_or_else(
        |_| Context::new(),
        |parent| spoa_otel::parent_context(*parent),
    );
    let span = builder.start_with_context(&tracer, &context);
    // Without an exporter there is no span, and the header of the client goes on.
    let header = match (span.span_context(), parent) {
        (context, _) if context.is_valid() => traceparent(context),
        (_, Ok(parent)) => parent.to_string(),
        (_, Err(_)) => return Ok(Verdict::allow()),
    };
    let span = Some(span);
    open.put_sized(Open { span, start }, SPAN_BYTES);
    Ok(Verdict::allow().request_headers(HeaderSet::new().set("traceparent", header)?))
}

/// Ends the span of a request.
#[spoe_message("trace-response", event = "on-http-response")]
fn trace_response(#[arg(sample = "status")] status: u16, open: Transaction<'_, Open>) {
    match open.take() {
        Some(open) => open.answered(status),
        None => REQUESTS.inc(["unknown"]),
    }
}

/// Returns a method that the specification of HTTP spans knows. Clients send any.
fn known(method: &str) -> &'static str {
    let known = [
        "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
    ];
    let found = known.into_iter().find(|known| *known == method);
    found.unwrap_or("_OTHER")
}

/// Returns the header by which the server makes its spans children of this one.
fn traceparent(span: &SpanContext) -> String {
    let flags = span.trace_flags().to_u8();
    format!("00-{}-{}-{flags:02x}", span.trace_id(), span.span_id())
}

fn main() -> ExitCode {
    let program = spoa::program!(options = Options);
    Export::new(program).messages(false).main()
}

#[cfg(test)]
mod tests {
    use super::*;
    use spoa_otel::opentelemetry::trace::{TraceFlags, TraceState};

    #[test]
    fn a_client_cannot_invent_a_method() {
        assert_eq!(known("GET"), "GET");
        assert_eq!(known("get"), "_OTHER");
        assert_eq!(known("XYZZY"), "_OTHER");
    }

    #[test]
    fn the_header_is_one_of_w3c_trace_context() {
        for (flags, sampled) in [(TraceFlags::SAMPLED, true), (TraceFlags::default(), false)] {
            let state = TraceState::default();
            let span = SpanContext::new(7.into(), 9.into(), flags, false, state);
            let header = TraceParent::parse(traceparent(&span).as_bytes()).unwrap();
            assert_eq!((header.trace_id(), header.parent_id()), (7, 9));
            assert_eq!(header.is_sampled(), sampled);
        }
    }
}

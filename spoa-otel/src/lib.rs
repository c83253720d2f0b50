//! Exports traces of HAProxy SPOE agents to OpenTelemetry by OTLP. Each message becomes a span, whose parent is the span
//! that sent the request.
//!
//! ```no_run
//! use spoa::http::TraceParent;
//! use spoa::prelude::*;
//! use std::process::ExitCode;
//!
//! #[spoe_message("check", set = "txn.checked")]
//! fn check(parent: Result<TraceParent, Mismatch>) -> bool {
//!     // The span of this message already has this parent.
//!     parent.is_ok()
//! }
//!
//! fn main() -> ExitCode {
//!     spoa_otel::main(spoa::program!())
//! }
//! ```
//!
//! ```console
//! $ OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318 OTEL_SERVICE_NAME=my-agent my-agent
//! ```
//!
//! Without an endpoint, the program runs as it would without this crate. If your program sets up `tracing` itself, use
//! [`Traces`]. If it exports its own spans instead of those of messages, use [`Export`].
//!
//! # Spans
//!
//! A span has the name of its message, the kind `server`, and the attributes `stream`, `frame` and, if the handler has an
//! argument whose sample is `unique-id`, `req_id`. The status of a failed message is an error, with the text of the
//! failure.
//!
//! The parent comes from the header `traceparent` of W3C Trace Context. The handler needs an argument whose sample is
//! `req.fhdr(traceparent)`, such as [`TraceParent`](spoa::http::TraceParent). Without the header, or with an invalid one,
//! the span begins a new trace.
//!
//! No other value of a request is exported, unless the handler chooses it:
//!
//! ```
//! use opentelemetry::trace::TraceContextExt;
//! use opentelemetry::{Context, KeyValue};
//! use spoa::prelude::*;
//! use spoa_otel::opentelemetry;
//!
//! #[spoe_message("check")]
//! fn check(method: &str) {
//!     Context::current().span().set_attribute(KeyValue::new("http.request.method", method.to_owned()));
//! }
//! ```
//!
//! Spans that a handler opens with `tracing` at INFO or above are children of the span of its message. Lines of the log
//! are not exported.
//!
//! # Environment
//!
//! The variables are those of the OpenTelemetry specification. A mistake in one stops the agent when it starts, and
//! `check` reports it. An empty variable counts as absent.
//!
//! | variable | meaning |
//! |---|---|
//! | `OTEL_EXPORTER_OTLP_ENDPOINT` | the receiver, such as `http://127.0.0.1:4318`; the path `/v1/traces` is added |
//! | `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` | the receiver of traces, with its whole path |
//! | `OTEL_EXPORTER_OTLP_PROTOCOL` | `http/protobuf`, the only supported value |
//! | `OTEL_EXPORTER_OTLP_HEADERS` | headers of each request, `name=value,…`; the log never shows them |
//! | `OTEL_EXPORTER_OTLP_TIMEOUT` | the milliseconds that a batch may take, with its retries; 10,000 by default |
//! | `OTEL_SERVICE_NAME` | the name of the service; by default that of the agent |
//! | `OTEL_RESOURCE_ATTRIBUTES` | attributes of the service, `name=value,…` |
//! | `OTEL_TRACES_SAMPLER`, `OTEL_TRACES_SAMPLER_ARG` | which traces are recorded; `parentbased_always_on` by default |
//! | `OTEL_BSP_MAX_QUEUE_SIZE` | the largest number of spans that wait for their export; 2048 by default |
//! | `OTEL_BSP_SCHEDULE_DELAY`, `OTEL_BSP_MAX_EXPORT_BATCH_SIZE` | the milliseconds between two exports, and the largest number of spans in one; 5000 and 512 by default |
//! | `OTEL_TRACES_EXPORTER=none`, `OTEL_SDK_DISABLED=true` | nothing is exported |
//!
//! `--spans off` switches the spans of messages off as well. `_PROTOCOL`, `_HEADERS` and `_TIMEOUT` also have a variable for
//! traces alone, as `_ENDPOINT` does. Endpoints with `https` need the feature `tls`, which trusts the certificates of the
//! system, or those of the file in `SSL_CERT_FILE`.
//!
//! # When the receiver is slow or down
//!
//! No handler waits for an export. Spans wait in a limited queue, and a thread exports them. A batch that fails is sent
//! again up to three times within its timeout, and is then lost. If the queue is full, new spans are lost as well. The
//! log has a WARN with the number of lost spans and the reason, at most once a minute, and an INFO when exports work
//! again. With the feature `admin`, `/metrics` has `spoa_otel_spans_total{outcome}`: `exported`, `failed`, `dropped`.
//!
//! When the agent stops, it exports the remaining spans after its drain, for at most five seconds.

mod client;
mod counts;
mod environment;
mod exporter;
mod parent;
mod program;

pub use environment::Error;
pub use exporter::Traces;
pub use opentelemetry;
pub use parent::{parent_context, set_parent};
pub use program::{Export, main};

//! An agent that exports its messages as spans to the receiver in `OTEL_EXPORTER_OTLP_ENDPOINT`.

use spoa::http::{TraceParent, UniqueId};
use spoa::prelude::*;
use std::process::ExitCode;
use std::time::Duration;
use tracing::Instrument;

/// Looks a client up. A client may send no `traceparent`, or an invalid one: the span then begins a trace.
#[spoe_message("check", event = "on-frontend-http-request", set = "txn.traced")]
async fn check(
    id: UniqueId<'_>,
    parent: Result<TraceParent, Mismatch>,
    #[arg(sample = "req.fhdr(x-secret)")] secret: Option<Text<'_>>,
) -> bool {
    let look_up = tracing::info_span!("look-up");
    tokio::time::sleep(Duration::from_millis(1))
        .instrument(look_up)
        .await;
    tracing::info!("checked {id}, {secret:?}");
    parent.is_ok()
}

/// Fails if a client sends `x-fail`.
#[spoe_message("may-fail", event = "on-frontend-http-request")]
fn may_fail(
    #[arg(sample = "req.fhdr(x-number)", reject)] number: Option<Parse<u8>>,
    #[arg(sample = "req.fhdr(x-fail)")] fail: Option<Text<'_>>,
) -> Result<(), HandlerError> {
    let _ = number;
    match fail {
        Some(_) => Err("it was asked to".into()),
        None => Ok(()),
    }
}

fn main() -> ExitCode {
    spoa_otel::main(spoa::program!(name = "traced"))
}

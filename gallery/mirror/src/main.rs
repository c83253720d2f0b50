//! Sends a copy of each request to another server, after HAProxy has its answer.

mod copies;

use copies::{Copies, copy};
use hyper::Uri;
use spoa::admin::Counters;
use spoa::http::{Body, Completeness, Headers, Method};
use spoa::prelude::*;
use spoa::run::duration;
use spoa::{After, State};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

#[derive(clap::Args)]
struct Options {
    /// Server that gets the copies: `http://10.0.0.7:8080`
    #[arg(long, value_name = "URL")]
    to: Uri,
    /// Time for an answer of the server
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = duration)]
    to_timeout: Duration,
    /// Time before the server is tried again after a failure
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    to_retry: Duration,
}

/// Copies by result: `answered`, `dropped` (too much other work after answers), `failed` (the server is away), `incomplete`
/// (HAProxy does not have the whole body).
static COPIES: Counters<1> = Counters::new("mirror_copies", "Copies by result", ["result"]);

/// Copies a request. The copy is sent after the answer, so HAProxy does not wait for the other server.
#[spoe_message("mirror", event = "on-frontend-http-request")]
fn mirror(
    #[arg(sample = "src")] address: IpAddr,
    #[arg(sample = "pathq", default)] target: &[u8],
    method: Method<'_>,
    headers: Headers<'_>,
    body: Body<'_>,
    after: After<'_>,
    State(copies): State<'_, Arc<Copies>>,
) -> Result<(), HandlerError> {
    let whole = match body.completeness() {
        Completeness::Complete => true,
        // Without a length, more may follow.
        Completeness::Unknown => body.bytes().is_empty(),
        _ => false,
    };
    // `OPTIONS *` has no path.
    if !whole || target.is_empty() {
        COPIES.inc(["incomplete"]);
        return Ok(());
    }
    let address = address.to_canonical();
    let request = copy(
        copies.server(),
        address,
        target,
        method,
        headers,
        body.bytes(),
    )?;
    let copies = Arc::clone(copies);
    let accepted = after.run(async move {
        let answer = copies.send(request).await;
        COPIES.inc([if answer.is_some() {
            "answered"
        } else {
            "failed"
        }]);
    });
    // At most `--max-after-work` copies wait for an answer.
    if !accepted {
        COPIES.inc(["dropped"]);
    }
    Ok(())
}

fn main() {
    spoa::run!(options = Options, state = Arc::new(Copies::new(options)?))
}

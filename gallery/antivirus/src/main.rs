//! Scans uploads with ClamAV, and says what it has not scanned.

mod clamd;

use clamd::{Clamd, Scanned};
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{BadHeader, Body, Completeness, HeaderSet, Verdict};
use spoa::prelude::*;
use spoa::run::duration;
use std::time::Duration;

#[derive(clap::Args)]
struct Options {
    /// Unix socket of clamd, or its address and port
    #[arg(long, value_name = "ADDRESS", default_value = "/run/clamav/clamd.ctl")]
    clamd: String,
    /// Time for a scan, at most 9s
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = duration)]
    clamd_timeout: Duration,
    /// Time before clamd is asked again after a failure
    #[arg(long, value_name = "TIME", default_value = "1s", value_parser = duration)]
    clamd_retry: Duration,
    /// Deny uploads that are not scanned, or not to their end
    #[arg(long)]
    deny_unscanned: bool,
}

spoa::outcomes! {
    /// The verdicts on an upload.
    pub struct Upload {
        deny: 403, 413, 503;
        request: set "x-virus-scan";
    }
}

static UPLOADS: Counters<1> = Counters::new("antivirus_uploads", "Uploads by result", ["result"]);

/// Scans the body of a request. Its server reads in `x-virus-scan` what was scanned: `clean`, `partial` or `none`.
///
/// All requests are asked about: before HAProxy has waited for it, no condition knows whether a body comes.
#[spoe_message("scan", event = "on-frontend-http-request", timeout = "10s")]
async fn scan(
    body: Body<'_>,
    State(clamd): State<'_, Clamd>,
    State(options): State<'_, Options>,
) -> Result<Verdict<Upload>, BadHeader> {
    // HAProxy has waited for it.
    if body.bytes().is_empty() {
        return Ok(Verdict::allow());
    }
    let whole = body.completeness() == Completeness::Complete;
    let (result, denial) = match clamd.scan(body.bytes()).await {
        Some(Scanned::Found(name)) => {
            UPLOADS.inc(["found"]);
            return Ok(Verdict::deny::<403>().reason(name));
        }
        Some(Scanned::Clean) if whole => ("clean", None),
        Some(Scanned::Clean) => (
            "partial",
            Some(Verdict::deny::<413>().reason("too large to be scanned")),
        ),
        None => (
            "none",
            Some(Verdict::deny::<503>().reason("uploads cannot be scanned")),
        ),
    };
    UPLOADS.inc([result]);
    match denial.filter(|_| options.deny_unscanned) {
        Some(denial) => Ok(denial),
        None => {
            let headers = HeaderSet::new().set("x-virus-scan", result)?;
            Ok(Verdict::allow().request_headers(headers))
        }
    }
}

fn main() {
    spoa::run!(options = Options, state = Clamd::new(options)?)
}

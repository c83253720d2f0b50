//! Inspects requests before they reach a server: rules check their content, a blocklist checks their
//! sender.
//!
//! The agent only gives a verdict; site.cfg decides what happens to the request.

mod blocklist;
mod rules;

use blocklist::{Blocklist, BlocklistError};
use rules::{BLOCKING, Finding, Part, Rules, decode};
use spoa::State;
use spoa::agent::FailedMessage;
use spoa::handler::Failure;
use spoa::prelude::*;
use std::borrow::Cow;
use std::env::var_os;
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A request. Each field is an argument, and `sample` says where HAProxy gets it.
///
/// Arguments that a client chooses freely are bytes: a `&str` that is not UTF-8 would reject the
/// message, and an attacker wants a request that is not inspected.
#[derive(Debug, FromMessage)]
struct Request<'a> {
    /// The client. Only a client on a unix socket has no address, and this agent rejects its message.
    #[spoa(sample = "src")]
    src: IpAddr,
    #[spoa("src-port", sample = "src_port")]
    src_port: Option<u16>,
    #[spoa(sample = "ssl_fc", default)]
    ssl: bool,
    #[spoa(sample = "method")]
    method: &'a str,
    #[spoa(sample = "path", default)]
    path: &'a [u8],
    /// The query without `?`. If there is no query, HAProxy has no sample, and the default applies.
    #[spoa(sample = "query", default)]
    query: &'a [u8],
    #[spoa(sample = "req.ver")]
    version: &'a str,
    #[spoa(sample = "req.hdr(host)")]
    host: Option<&'a [u8]>,
    /// `req.fhdr` gives a header as it came. `req.hdr` would split it at its commas and give the last
    /// part: of "Mozilla/5.0 (KHTML, like Gecko)" only "like Gecko)".
    #[spoa("user-agent", sample = "req.fhdr(user-agent)", default)]
    user_agent: &'a [u8],
    #[spoa("content-type", sample = "req.fhdr(content-type)", default)]
    content_type: &'a [u8],
    #[spoa("body-size", sample = "req.body_size", default)]
    body_size: u64,
    /// The part of the body that HAProxy's buffer holds.
    #[spoa(sample = "req.body", default)]
    body: &'a [u8],
}

/// The variables `txn.inspect.…`.
#[derive(Debug, PartialEq, Eq, IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    /// Set by every verdict, also to false, so a request without it was not inspected.
    blocked: bool,
    score: u32,
    /// `None` sets nothing.
    reason: Option<String>,
    /// Whether HAProxy's buffer was too small for the whole body.
    truncated: bool,
    /// The number of blocked requests since the agent started: one variable for the whole HAProxy process.
    #[spoa(scope = "proc")]
    blocked_total: u64,
}

/// How many requests were blocked.
#[derive(Debug, Default)]
struct Counters {
    blocked: AtomicU64,
}

/// Judges a request. Its timeout is shorter than `timeout processing` in spoe.conf, after which HAProxy
/// goes on without an answer.
///
/// To inspect only some requests, add a `condition` to the attribute: `if { path_beg /api/ }`.
#[spoe_message(
    "inspect-request",
    event = "on-frontend-http-request",
    timeout = "200ms"
)]
async fn inspect(
    request: Request<'_>,
    State(rules): State<'_, Rules>,
    State(blocklist): State<'_, Blocklist>,
    State(counters): State<'_, Counters>,
) -> Result<Verdict, BlocklistError> {
    let mut finding = request.judge(rules);
    // A request that the rules block stays blocked while the blocklist is down.
    if finding.score < BLOCKING && blocklist.contains(request.src).await? {
        finding.score = BLOCKING;
        finding.reason = Some("the address is on the blocklist".to_owned());
    }
    let blocked = finding.score >= BLOCKING;
    if blocked {
        counters.blocked.fetch_add(1, Relaxed);
        request.log(&finding);
    }
    Ok(Verdict {
        blocked,
        score: finding.score,
        reason: finding.reason,
        truncated: request.body_size > request.body.len() as u64,
        blocked_total: counters.blocked.load(Relaxed),
    })
}

impl Request<'_> {
    fn judge(&self, rules: &Rules) -> Finding {
        let path = decode(self.path, false);
        let query = decode(self.query, true);
        let body = if self.is_form() {
            decode(self.body, true)
        } else {
            Cow::Borrowed(self.body)
        };
        let mut finding = rules.judge(|part| match part {
            Part::Path => &path,
            Part::Query => &query,
            Part::UserAgent => self.user_agent,
            Part::Body => &body,
        });
        // Browsers and well-behaved libraries send both.
        if self.host.is_none() || self.user_agent.is_empty() {
            finding.score = finding.score.saturating_add(20);
            finding
                .reason
                .get_or_insert_with(|| "no host or no user-agent".to_owned());
        }
        finding
    }

    /// Returns whether the body is a form. Parameters may follow its content type.
    fn is_form(&self) -> bool {
        let form = b"application/x-www-form-urlencoded";
        let begin = self.content_type.get(..form.len());
        begin.is_some_and(|begin| begin.eq_ignore_ascii_case(form))
    }

    /// Logs a blocked request, so that you can look it up when a client complains. `run!` prints events
    /// of `tracing`.
    fn log(&self, finding: &Finding) {
        tracing::info!(
            src = %self.src,
            src_port = self.src_port,
            ssl = self.ssl,
            method = self.method,
            version = self.version,
            // Escaped, so that a client cannot write its own log lines.
            host = %self.host.unwrap_or_default().escape_ascii(),
            path = %self.path.escape_ascii(),
            "blocked: {}",
            finding.reason.as_deref().unwrap_or_default(),
        );
    }
}

/// Sets a separate variable if there is no verdict, so that site.cfg can tell "harmless" from
/// "unknown". The agent's log has the whole reason.
fn on_failure(failed: &FailedMessage<'_>) -> SetVar<&'static str> {
    let why = match failed.failure() {
        Failure::Rejected(_) => "rejected",
        Failure::Error(_) => "failed",
        Failure::Panicked(_) => "panicked",
        Failure::TimedOut(_) => "late",
        Failure::Overloaded(_) => "overloaded",
        _ => "other",
    };
    SetVar::transaction("agent_error", why)
}

fn main() {
    spoa::run!(
        name = "inspect",
        listen = "127.0.0.1:12346",
        // If `state` fails, the program ends before it listens, with the reason.
        state = Rules::open(var_os("INSPECT_RULES").map(Into::into))?,
        state = Blocklist::new(std::env::var("INSPECT_REDIS").ok()),
        state = Counters::default(),
        on_failure = on_failure,
    )
}

#[cfg(test)]
mod tests;

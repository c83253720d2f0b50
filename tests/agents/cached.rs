//! An agent whose answers HAProxy can keep: they say how often the agent was asked.

use std::sync::atomic::{AtomicU32, Ordering};

use spoa::State;
use spoa::http::Verdict;
use spoa::prelude::*;

spoa::outcomes! {
    /// Outcomes without a text.
    struct Plain {
        deny: 403, 429;
    }
}

/// The messages that came.
#[derive(Default)]
struct Asked(AtomicU32);

/// A verdict, and the number of messages so far.
#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Judged {
    #[spoa(flatten)]
    verdict: Verdict<Plain>,
    asked: u32,
}

/// Judges a key; `flaky` fails when it is among the first two.
#[spoe_message("judge", event = "on-frontend-http-request")]
fn judge(
    #[arg(sample = "req.fhdr(x-key)")] key: Option<Text<'_>>,
    State(asked): State<'_, Asked>,
) -> Result<Judged, HandlerError> {
    let asked = asked.0.fetch_add(1, Ordering::Relaxed) + 1;
    let verdict = match key.map(Text::into_string).as_deref() {
        Some("deny 403") => Verdict::deny::<403>(),
        Some("deny 429") => Verdict::deny::<429>().reason("too many"),
        Some("flaky") if asked <= 2 => return Err("not yet".into()),
        _ => Verdict::allow(),
    };
    Ok(Judged { verdict, asked })
}

/// Sets a variable of the session.
#[spoe_message("local", event = "on-client-session")]
fn local(#[arg(sample = "src")] ip: std::net::IpAddr) -> SetVar<bool> {
    SetVar::session("local", ip.is_loopback())
}

fn main() {
    spoa::run!(name = "cached", state = Asked::default())
}

//! Asks suspect clients for a proof of work: a browser solves it once, and simple programs do not.

mod pass;

use pass::{Keys, Refused};
use spoa::State;
use spoa::admin::Counters;
use spoa::http::{Cookies, Verdict};
use spoa::prelude::*;
use spoa::run::duration;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

#[derive(clap::Args)]
struct Options {
    /// File with a key on each line: the first one signs, all are accepted
    #[arg(long, value_name = "FILE", default_value = "keys.txt")]
    keys: PathBuf,
    /// Time for which a solved challenge lets a client pass
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pass_for: Duration,
    /// Zero bits of a solution: one more doubles the work
    #[arg(long, value_name = "N", default_value = "15", value_parser = clap::value_parser!(u32).range(1..=30))]
    difficulty: u32,
}

spoa::outcomes! {
    /// The verdicts on a suspect client.
    pub struct Suspect {
        challenge: 403;
    }
}

static CLIENTS: Counters<1> = Counters::new(
    "challenge_requests",
    "Requests of suspect clients by result",
    ["result"],
);

/// Looks for a solved challenge in the cookie `challenge`. The site's rules mark the suspects.
#[spoe_message(
    "challenge",
    event = "on-frontend-http-request",
    condition = "if { var(txn.suspect) -m bool }"
)]
fn challenge(
    #[arg(sample = "src")] address: IpAddr,
    cookies: Cookies<'_>,
    State(keys): State<'_, Keys>,
    State(options): State<'_, Options>,
) -> Verdict<Suspect> {
    let now = SystemTime::now();
    // A browser may send several cookies of a name.
    let mut results = cookies
        .get_all("challenge")
        .map(|pass| keys.check(pass, address, now, options.difficulty));
    let first = results.next();
    let passed = first == Some(Ok(())) || results.any(|result| result.is_ok());
    let result = match first {
        _ if passed => "passed",
        None => "new",
        Some(Err(Refused::Expired)) => "expired",
        Some(_) => "wrong",
    };
    CLIENTS.inc([result]);
    if passed {
        return Verdict::allow();
    }
    let question = keys.question(address, now + options.pass_for);
    Verdict::challenge::<403>(format!("{question} {}", options.difficulty)).reason(result)
}

fn main() {
    spoa::run!(
        options = Options,
        reload = Keys::load(&options.keys)?,
        watch = options.keys,
    )
}

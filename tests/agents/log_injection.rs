//! An agent whose errors, panics and log lines hold what its client sent, and whose errors panic when
//! they are shown or dropped, for the tests of what is left of that in the log.

use spoa::agent::FailedMessage;
use spoa::prelude::*;
use std::error::Error;
use std::fmt;
use std::time::Duration;

/// An error that cannot be shown.
#[derive(Debug)]
struct Quota {
    used: u64,
    limit: u64,
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "quota used to {} %", self.used * 100 / self.limit)
    }
}

impl Error for Quota {}

/// An error that cannot be dropped.
#[derive(Debug)]
struct Sticky;

impl fmt::Display for Sticky {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("sticky")
    }
}

impl Error for Sticky {}

impl Drop for Sticky {
    fn drop(&mut self) {
        panic!("does not come off")
    }
}

#[spoe_message("quota")]
fn quota() -> Result<(), Quota> {
    Err(Quota { used: 5, limit: 0 })
}

#[spoe_message("sticky")]
async fn sticky() -> Result<(), Sticky> {
    tokio::time::sleep(Duration::from_millis(5)).await;
    Err(Sticky)
}

#[spoe_message("innocent", set = "txn.innocent")]
async fn innocent() -> bool {
    tokio::time::sleep(Duration::from_millis(100)).await;
    true
}

#[spoe_message("error")]
fn error(who: &str) -> Result<(), String> {
    Err(format!("no user {who}"))
}

#[spoe_message("panic")]
fn panics(who: &str) {
    panic!("no user {who}");
}

/// Panics where nobody asked for it.
#[spoe_message("task")]
fn task(who: String) {
    tokio::spawn(async move { panic!("no user {who}") });
}

#[spoe_message("own-line")]
fn own_line(who: &str) {
    tracing::warn!("user {who} was here");
}

#[spoe_message("echo", set = "txn.who")]
fn echo(who: &str) -> &str {
    who
}

/// Fails with the text of every failure.
fn on_failure(failed: &FailedMessage<'_>) -> Result<(), String> {
    Err(failed.failure().to_string())
}

fn main() {
    spoa::run!(
        name = "log-injection",
        listen = "127.0.0.1:0",
        on_failure = on_failure
    )
}

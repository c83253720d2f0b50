//! An agent with handlers that fail at times, for the tests of what it endures.
//!
//! A verdict repeats its `token`, such as the path `/3-17`: the seventeenth request of the third client.

use spoa::agent::FailedMessage;
use spoa::handler::Failure;
use spoa::prelude::*;
use std::time::Duration;

/// Whether a token is one of every `n`: `/0-6` and `/6` are the first seventh.
fn is_one_in(every: u64, token: &str) -> bool {
    let number = token
        .rsplit(['-', '/'])
        .next()
        .and_then(|number| number.parse().ok());
    number.is_some_and(|number: u64| number % every == every - 1)
}

#[spoe_message("echo", set = "txn.echo")]
fn echo(token: &str) -> String {
    token.to_owned()
}

/// After a while.
#[spoe_message("later", set = "txn.echo", timeout = "20s")]
async fn later(token: &str) -> String {
    tokio::time::sleep(Duration::from_millis(2)).await;
    token.to_owned()
}

/// On a thread of its own.
#[spoe_message("aside", set = "txn.echo", blocking, timeout = "20s")]
fn aside(token: &str) -> String {
    std::thread::sleep(Duration::from_millis(1));
    token.to_owned()
}

#[spoe_message("panics", set = "txn.echo")]
fn panics(token: &str) -> String {
    assert!(!is_one_in(7, token), "out of luck");
    token.to_owned()
}

#[spoe_message("panics-later", set = "txn.echo", timeout = "20s")]
async fn panics_later(token: &str) -> String {
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(!is_one_in(7, token), "out of luck");
    token.to_owned()
}

#[spoe_message("hangs", set = "txn.echo", timeout = "2s")]
async fn hangs(token: &str) -> String {
    if is_one_in(11, token) {
        std::future::pending::<()>().await;
    }
    token.to_owned()
}

/// Keeps a thread of the pool for ever. A busy machine may need much of the timeout for the others.
#[spoe_message("hangs-aside", set = "txn.echo", blocking, timeout = "5s")]
fn hangs_aside(token: &str) -> String {
    while is_one_in(11, token) {
        std::thread::park();
    }
    token.to_owned()
}

#[spoe_message("refuses", set = "txn.echo")]
fn refuses(token: &str) -> Result<String, String> {
    Err(format!("{token} is refused"))
}

/// How many tasks there are besides.
#[spoe_message("tasks", set = "txn.tasks")]
fn tasks() -> u64 {
    tokio::runtime::Handle::current()
        .metrics()
        .num_alive_tasks() as u64
}

fn on_failure(failed: &FailedMessage<'_>) -> SetVar<&'static str> {
    let why = match failed.failure() {
        Failure::Error(_) => "error",
        Failure::Panicked(_) => "panicked",
        Failure::TimedOut(_) => "timed out",
        Failure::Overloaded(_) => "overloaded",
        _ => "other",
    };
    SetVar::transaction("failed", why)
}

fn main() {
    spoa::run!(
        name = "flaky",
        listen = "127.0.0.1:0",
        on_failure = on_failure
    )
}

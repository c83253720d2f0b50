//! Handlers that do what handlers do, and agents that have them.

use spoa::agent::Agent;
use spoa::agent::AgentBuilder;
use spoa::prelude::*;
use std::time::Duration;
use tokio::time::sleep;

#[spoe_message("sync")]
pub(crate) fn sync(n: u8) -> SetVar<u8> {
    SetVar::session("sync", n)
}

#[spoe_message("ready")]
async fn ready(n: u8) -> SetVar<u8> {
    SetVar::session("ready", n)
}

/// Done after 50 ms.
#[spoe_message("slow")]
async fn slow(n: u8) -> SetVar<u8> {
    sleep(Duration::from_millis(50)).await;
    SetVar::session("slow", n)
}

/// Never done.
#[spoe_message("never")]
async fn never() {
    std::future::pending().await
}

#[spoe_message("blocking", blocking)]
fn blocking(n: u8) -> SetVar<u8> {
    SetVar::session("blocking", n)
}

#[spoe_message("error")]
pub(crate) fn error() -> Result<SetVar<u8>, String> {
    Err("the database is down".to_owned())
}

#[spoe_message("half")]
fn half() -> (SetVar<u8>, Result<(), String>) {
    (
        SetVar::session("half", 1),
        Err("the second half failed".to_owned()),
    )
}

#[spoe_message("panic")]
fn panic() {
    panic!("at the disco")
}

#[spoe_message("async-panic")]
async fn async_panic() {
    sleep(Duration::from_millis(5)).await;
    panic!("later at the disco")
}

#[spoe_message("blocking-panic", blocking)]
fn blocking_panic() {
    panic!("in the basement")
}

/// Never ends, and panics when its future is dropped.
#[spoe_message("drop-panic")]
async fn drop_panic() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("dropped")
        }
    }
    let _bomb = Bomb;
    std::future::pending().await
}

#[spoe_message("picky")]
fn picky(missing: u8) -> SetVar<u8> {
    SetVar::session("picky", missing)
}

/// Ten variables of a hundred bytes.
#[spoe_message("large")]
fn large() -> Vec<SetVar<String>> {
    (0..10)
        .map(|i| SetVar::session(format!("v{i}"), "x".repeat(100)))
        .collect()
}

#[spoe_message("bad-name")]
fn bad_name() -> SetVar<u8> {
    SetVar::session(String::from("not-a-name"), 1)
}

/// An agent of all handlers above.
pub(crate) fn agent() -> AgentBuilder {
    Agent::builder().handlers(handlers![
        sync,
        ready,
        slow,
        never,
        blocking,
        error,
        half,
        panic,
        async_panic,
        blocking_panic,
        drop_panic,
        picky,
        large,
        bad_name
    ])
}

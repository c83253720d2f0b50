//! Results that are larger than any frame.

use crate::peer::{Answer, Peer, ack};
use spoa::agent::Agent;
use spoa::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// How many actions were made.
static MADE: AtomicUsize = AtomicUsize::new(0);

fn flood() -> Vec<SetVar<String>> {
    let actions = (0..10_000).map(|i| {
        MADE.fetch_add(1, Ordering::Relaxed);
        SetVar::session(format!("v{i}"), "x".repeat(100))
    });
    actions.collect()
}

#[spoe_message("sync-flood")]
fn sync_flood() -> Vec<SetVar<String>> {
    flood()
}

#[spoe_message("async-flood")]
async fn async_flood() -> Actions {
    tokio::task::yield_now().await;
    flood().into_iter().collect()
}

#[spoe_message("blocking-flood", blocking, timeout = "60s")]
fn blocking_flood() -> Vec<SetVar<String>> {
    flood()
}

/// One value that no frame holds, and one after it.
#[spoe_message("long")]
fn long() -> (SetVar<Vec<u8>>, SetVar<u8>) {
    (
        SetVar::session("long", vec![0; 1 << 20]),
        SetVar::session("n", 1),
    )
}

#[spoe_message("small")]
fn small() -> SetVar<u8> {
    SetVar::session("small", 1)
}

#[spoe_message("error")]
fn error() -> Result<(), String> {
    Err("no".to_owned())
}

fn agent() -> Agent {
    let handlers = handlers![sync_flood, async_flood, blocking_flood, long, small, error];
    let agent = Agent::builder().handlers(handlers);
    agent.on_failure(|_| flood()).build().unwrap()
}

#[tokio::test]
async fn the_actions_that_fit_are_given_and_no_other_message_loses_its_own() {
    let agent = agent();
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.greet().await;
    for name in ["sync-flood", "async-flood", "blocking-flood", "error"] {
        let Answer::Ack(1, actions) = peer.ask(&["small", name]).await else {
            panic!("no ACK")
        };
        // A name of two to four letters, and 100 bytes.
        assert!(
            (145..155).contains(&actions.len()),
            "{name}: {}",
            actions.len()
        );
        assert_eq!(actions[0], "set-var sess.small = 1");
        assert!(
            actions[2].starts_with("set-var sess.v1 = "),
            "{}",
            actions[2]
        );
    }
    assert!(MADE.load(Ordering::Relaxed) >= 40_000);
    // Actions after one that does not fit are left out with it; those of the next message are not.
    let answer = peer.ask(&["long", "small"]).await;
    assert_eq!(answer, ack(1, &["set-var sess.small = 1"]));
}

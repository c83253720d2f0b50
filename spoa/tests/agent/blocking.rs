//! More blocking handlers than threads: some wait for their turn, and the rest are refused.

use crate::failures::cause;
use crate::handlers::agent;
use crate::peer::{Answer, Peer, ack, notify};
use spoa::agent::Agent;
use spoa::prelude::*;
use std::sync::Mutex;
use std::time::{Duration, Instant};

#[tokio::test]
async fn a_full_pool_of_blocking_handlers_answers_at_once() {
    let mut peer = Peer::connect(
        agent()
            .limits(|limits| limits.max_blocking = 0)
            .on_failure(cause),
    )
    .await;
    assert_eq!(
        peer.ask(&["blocking"]).await,
        ack(1, &["set-var txn.cause = \"overloaded\""])
    );
}

#[spoe_message("nap", blocking, timeout = "20s", set = "sess.nap")]
fn nap(n: u8) -> u8 {
    std::thread::sleep(Duration::from_millis(20));
    n
}

/// Sends a burst of messages whose handler takes 20 ms, on four threads; returns the actions of their ACKs.
async fn burst(queue: usize, messages: u64) -> Vec<String> {
    let agent = Agent::builder().handlers(handlers![nap]).on_failure(cause);
    let agent = agent.limits(|limits| {
        limits.max_blocking = 4;
        limits.max_blocking_queue = queue;
    });
    let mut peer = Peer::connect(agent).await;
    for stream in 0..messages {
        peer.send(&notify(stream, &["nap"])).await;
    }
    let mut given = Vec::new();
    for _ in 0..messages {
        match peer.answer().await {
            Answer::Ack(_, actions) => given.extend(actions),
            other => panic!("{other:?}"),
        }
    }
    given
}

#[tokio::test]
async fn a_burst_of_blocking_handlers_waits_for_its_turn() {
    let given = burst(1024, 40).await;
    assert_eq!(given, vec!["set-var sess.nap = 7"; 40]);
}

#[tokio::test]
async fn a_burst_that_exceeds_the_queue_is_overloaded() {
    let given = burst(8, 40).await;
    let failed = given.iter().filter(|it| it.contains("overloaded")).count();
    let handled = given.iter().filter(|it| it.contains("nap")).count();
    assert_eq!(failed + handled, 40);
    assert!((12..40).contains(&handled), "{handled} were handled");
}

/// When calls of `doze` ended.
static DOZED: Mutex<Vec<Instant>> = Mutex::new(Vec::new());

/// How many calls of `doze` run, and how many ran at once.
static DOZING: Mutex<(usize, usize)> = Mutex::new((0, 0));

#[spoe_message("doze", blocking, set = "sess.doze")]
fn doze(n: u8) -> u8 {
    let count = |change: fn(usize) -> usize| {
        let mut dozing = DOZING.lock().unwrap();
        dozing.0 = change(dozing.0);
        dozing.1 = dozing.1.max(dozing.0);
    };
    count(|now| now + 1);
    std::thread::sleep(Duration::from_millis(200));
    count(|now| now - 1);
    DOZED.lock().unwrap().push(Instant::now());
    n
}

/// 200 calls of 200 ms, at the limits that an agent has without options: 64 run at once, so four rounds of them end
/// within the second that a handler has.
async fn burst_of_dozes() -> Result<(), String> {
    const CALLS: u64 = 200;
    DOZED.lock().unwrap().clear();
    *DOZING.lock().unwrap() = (0, 0);
    let agent = Agent::builder().handlers(handlers![doze]).on_failure(cause);
    let mut peer = Peer::connect(agent).await;
    let begin = Instant::now();
    for stream in 0..CALLS {
        peer.send(&notify(stream, &["doze"])).await;
    }
    let (mut answered, mut failed) = (0, Vec::new());
    for _ in 0..CALLS {
        match peer.answer().await {
            Answer::Ack(_, actions) if actions == ["set-var sess.doze = 7"] => answered += 1,
            Answer::Ack(_, actions) => failed.extend(actions),
            other => panic!("{other:?}"),
        }
    }
    // All of them, unless the machine is too busy for that. The answer needs a moment as well.
    let in_time = Duration::from_millis(900);
    let dozed = DOZED.lock().unwrap();
    let expected = dozed.iter().filter(|end| **end - begin < in_time).count();
    assert_eq!(answered + failed.len(), CALLS as usize);
    if answered < expected {
        return Err(format!(
            "{answered} of {expected} were answered: {failed:?}"
        ));
    }
    let at_once = DOZING.lock().unwrap().1;
    assert!(at_once <= 64, "{at_once} ran at once");
    // Some threads may start late.
    if at_once < 33 {
        return Err(format!("{at_once} ran at once"));
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_of_blocking_handlers_is_answered_within_the_default_limits() {
    // Again if it is late, since a busy machine may take long for an answer.
    for attempt in 1.. {
        match burst_of_dozes().await {
            Ok(()) => break,
            Err(why) => assert!(attempt < 3, "{why}"),
        }
        // Calls that nobody waits for any more end.
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

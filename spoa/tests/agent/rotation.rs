//! Connections that end by age or for want of use.

use crate::handlers::agent;
use crate::peer::{Answer, Peer, ack, notify};
use spoa::agent::Limits;
use std::time::Duration;
use tokio::time::{Instant, sleep};

fn limits(set: impl FnOnce(&mut Limits)) -> Limits {
    let mut limits = Limits::default();
    set(&mut limits);
    limits
}

#[tokio::test(start_paused = true)]
async fn connections_end_at_their_lifetime_but_not_all_at_once() {
    let hour = Duration::from_secs(3600);
    let limits = limits(|limits| limits.connection_lifetime = Some(hour));
    let mut ages = Vec::new();
    for _ in 0..10 {
        let start = Instant::now();
        let mut peer = Peer::connect(agent().limits(|all| *all = limits.clone())).await;
        assert_eq!(peer.answer().await, Answer::Disconnect(0));
        let age = start.elapsed();
        // Nothing must have come for a moment.
        assert!((hour * 9 / 10..=hour * 11 / 10 + Duration::from_secs(1)).contains(&age));
        ages.push(age);
        drop(peer.io);
        peer.agent.await.unwrap();
    }
    ages.sort_unstable();
    assert!(ages[9] - ages[0] > Duration::from_secs(10), "{ages:?}");
}

#[tokio::test(start_paused = true)]
async fn a_notify_at_the_end_of_the_lifetime_is_answered_first() {
    let limits = limits(|limits| limits.connection_lifetime = Some(Duration::from_millis(100)));
    let mut peer = Peer::connect(agent().limits(|all| *all = limits)).await;
    sleep(Duration::from_millis(85)).await;
    peer.send(&notify(1, &["slow"])).await;
    peer.send(&notify(3, &["sync"])).await;
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
    // Beyond its age by now; this is in flight since before.
    assert_eq!(peer.answer().await, ack(1, &["set-var sess.slow = 7"]));
    let start = Instant::now();
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    assert_eq!(start.elapsed(), Duration::from_millis(50), "a quiet moment");
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_always_in_use_ends_after_an_answer() {
    let limits = limits(|limits| limits.connection_lifetime = Some(Duration::from_secs(1)));
    let mut peer = Peer::connect(agent().limits(|all| *all = limits)).await;
    let start = Instant::now();
    while !peer.has_more() {
        assert!(start.elapsed() < Duration::from_secs(4));
        sleep(Duration::from_millis(10)).await;
        assert_eq!(
            peer.ask(&["sync"]).await,
            ack(1, &["set-var sess.sync = 7"])
        );
    }
    assert!(start.elapsed() > Duration::from_millis(2900));
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_after_its_timeout() {
    let limits = limits(|limits| limits.idle_timeout = Some(Duration::from_secs(10)));
    let mut peer = Peer::connect(agent().limits(|all| *all = limits)).await;
    for _ in 0..3 {
        sleep(Duration::from_secs(9)).await;
        assert_eq!(
            peer.ask(&["sync"]).await,
            ack(1, &["set-var sess.sync = 7"])
        );
    }
    let start = Instant::now();
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    assert_eq!(start.elapsed(), Duration::from_secs(10));
    assert_eq!(peer.answer().await, Answer::Closed);
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_waits_for_an_answer_is_not_idle() {
    let limits = limits(|limits| {
        limits.idle_timeout = Some(Duration::from_millis(20));
        limits.handler_timeout = Some(Duration::from_millis(50));
    });
    let mut peer = Peer::connect(agent().limits(|all| *all = limits)).await;
    let start = Instant::now();
    assert_eq!(peer.ask(&["never"]).await, ack(1, &[]));
    assert_eq!(start.elapsed(), Duration::from_millis(50));
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
}

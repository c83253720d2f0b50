//! Work that handlers leave for the time after their answers.

use crate::peer::{Answer, Peer, ack, notify};
use spoa::agent::{Agent, AgentBuilder};
use spoa::prelude::*;
use spoa::{After, State};
use std::future::pending;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};

/// The order of events.
type Events = Arc<Mutex<Vec<&'static str>>>;

fn happens(events: &Events, event: &'static str) {
    events.lock().unwrap().push(event);
}

async fn have_happened(events: &Events, count: usize) {
    for _ in 0..10_000 {
        if events.lock().unwrap().len() >= count {
            break;
        }
        sleep(Duration::from_millis(1)).await;
    }
}

fn begin(events: &Events, after: After<'_>) {
    let events = events.clone();
    assert!(after.run(async move { happens(&events, "work") }));
}

#[spoe_message("sync", set = "txn.n")]
fn sync(n: u8, after: After<'_>, State(events): State<'_, Events>) -> u8 {
    begin(events, after);
    happens(events, "handler");
    n
}

#[spoe_message("waits", set = "txn.n")]
async fn waits(n: u8, after: After<'_>, State(events): State<'_, Events>) -> u8 {
    begin(events, after);
    sleep(Duration::from_millis(50)).await;
    happens(events, "handler");
    n
}

#[spoe_message("blocks", blocking, set = "txn.n")]
fn blocks(n: u8, after: After<'_>, State(events): State<'_, Events>) -> u8 {
    begin(events, after);
    std::thread::sleep(Duration::from_millis(5));
    happens(events, "handler");
    n
}

/// Leaves its work after the next event.
#[spoe_message("outlives", blocking, timeout = "60s")]
fn outlives(after: After<'_>, State(events): State<'_, Events>) {
    happens(events, "begin");
    for _ in 0..10_000 {
        if events.lock().unwrap().len() >= 2 {
            break;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    happens(events, "handler");
    begin(events, after);
}

/// Leaves its work from a thread of its own.
#[spoe_message("threads", set = "txn.n")]
fn threads(n: u8, after: After<'_>, State(events): State<'_, Events>) -> u8 {
    std::thread::scope(|scope| {
        scope.spawn(|| begin(events, after));
    });
    happens(events, "handler");
    n
}

#[spoe_message("fails")]
fn fails(after: After<'_>, State(events): State<'_, Events>) -> Result<(), String> {
    begin(events, after);
    happens(events, "handler");
    Err("no".to_owned())
}

#[spoe_message("late", timeout = "10ms")]
async fn late(after: After<'_>, State(events): State<'_, Events>) {
    begin(events, after);
    happens(events, "handler");
    pending().await
}

#[spoe_message("bomb", set = "txn.taken")]
fn bomb(after: After<'_>) -> bool {
    after.run(async { panic!("after the answer") })
}

#[spoe_message("endless", set = "txn.taken")]
fn endless(after: After<'_>) -> bool {
    after.run(pending())
}

#[spoe_message("short", set = "txn.taken")]
fn short(after: After<'_>) -> bool {
    after.run(sleep(Duration::from_millis(20)))
}

fn agent() -> (AgentBuilder, Events) {
    let events = Events::default();
    let handlers = handlers![
        sync, waits, blocks, outlives, threads, fails, late, bomb, endless, short
    ];
    let agent = Agent::builder().handlers(handlers).state(events.clone());
    (agent, events)
}

#[tokio::test(start_paused = true)]
async fn work_begins_after_the_answer_however_the_handler_runs_and_ends() {
    for (message, actions) in [
        ("sync", vec!["set-var txn.n = 7"]),
        ("waits", vec!["set-var txn.n = 7"]),
        ("blocks", vec!["set-var txn.n = 7"]),
        ("threads", vec!["set-var txn.n = 7"]),
        ("fails", vec![]),
        ("late", vec![]),
    ] {
        let (agent, events) = agent();
        let agent = agent.build().unwrap();
        let mut peer = Peer::to(&agent, 1 << 16);
        peer.greet().await;
        assert_eq!(peer.ask(&[message]).await, ack(1, &actions), "{message}");
        agent.monitor().after_work_done().await;
        assert_eq!(*events.lock().unwrap(), ["handler", "work"], "{message}");
        let stats = agent.stats();
        assert_eq!((stats.after_work_done, stats.after_work_kept), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn work_waits_for_the_other_handlers_of_its_notify() {
    let (agent, events) = agent();
    let agent = agent.build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    peer.send(&notify(3, &["sync", "waits"])).await;
    peer.send(&notify(5, &["sync"])).await;
    let set = "set-var txn.n = 7";
    assert_eq!(peer.answer().await, ack(5, &[set]));
    assert_eq!(peer.answer().await, ack(3, &[set, set]));
    agent.monitor().after_work_done().await;
    let events = events.lock().unwrap();
    let expected = ["handler", "handler", "work", "handler", "work", "work"];
    assert_eq!(*events, expected);
}

#[tokio::test(start_paused = true)]
async fn work_waits_until_the_peer_has_taken_the_answer() {
    let (agent, _) = agent();
    let agent = agent.build().unwrap();
    // The answer does not fit into the pipe.
    let mut peer = Peer::to(&agent, 128);
    peer.greet().await;
    peer.send(&notify(3, &["sync"; 40])).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(agent.stats().after_work_done, 0);
    assert!(matches!(peer.answer().await, Answer::Ack(3, _)));
    agent.monitor().after_work_done().await;
    assert_eq!(agent.stats().after_work_done, 40);
}

#[tokio::test(start_paused = true)]
async fn work_of_a_connection_that_ended_is_done() {
    let (agent, events) = agent();
    let agent = agent.build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    peer.send(&notify(3, &["waits"])).await;
    sleep(Duration::from_millis(10)).await;
    drop(peer.io);
    peer.agent.await.unwrap();
    agent.monitor().after_work_done().await;
    assert_eq!(*events.lock().unwrap(), ["work"]);
}

#[tokio::test]
async fn work_of_a_handler_that_outlives_its_connection_is_done() {
    let (agent, events) = agent();
    let agent = agent.build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    peer.send(&notify(3, &["outlives"])).await;
    have_happened(&events, 1).await;
    drop(peer.io);
    timeout(Duration::from_secs(10), peer.agent)
        .await
        .expect("the connection ends")
        .unwrap();
    happens(&events, "end");
    have_happened(&events, 4).await;
    assert_eq!(*events.lock().unwrap(), ["begin", "end", "handler", "work"]);
}

#[tokio::test]
async fn work_of_a_handler_that_began_before_a_reload_is_done() {
    let (agent, events) = agent();
    let made = agent.reloadable(async || Ok::<_, String>(0_u8)).await;
    let agent = made.unwrap().build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    peer.send(&notify(3, &["outlives"])).await;
    have_happened(&events, 1).await;
    agent.reloader().reload().await.unwrap();
    // The connection takes the new values when it is polled.
    let taken = ack(1, &["set-var txn.taken = true"]);
    assert_eq!(peer.ask(&["bomb"]).await, taken);
    happens(&events, "reload");
    assert_eq!(peer.answer().await, ack(3, &[]));
    have_happened(&events, 4).await;
    let expected = ["begin", "reload", "handler", "work"];
    assert_eq!(*events.lock().unwrap(), expected);
}

#[tokio::test(start_paused = true)]
async fn work_beyond_the_limit_is_dropped_and_counted() {
    let (agent, _) = agent();
    let agent = agent.limits(|limits| limits.max_after_work = 2);
    let agent = agent.build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    for (stream, taken) in [(1, true), (3, true), (5, false)] {
        peer.send(&notify(stream, &["endless"])).await;
        let set = format!("set-var txn.taken = {taken}");
        assert_eq!(peer.answer().await, ack(stream, &[&set]));
    }
    let stats = agent.stats();
    assert_eq!((stats.after_work_kept, stats.after_work_dropped), (2, 1));
}

#[tokio::test]
async fn a_panic_of_the_work_is_counted_and_affects_nothing_else() {
    let (agent, events) = agent();
    let agent = agent.build().unwrap();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.greet().await;
    peer.ask(&["bomb", "sync"]).await;
    agent.monitor().after_work_done().await;
    let stats = agent.stats();
    assert_eq!((stats.after_work_panicked, stats.after_work_done), (1, 1));
    assert_eq!(*events.lock().unwrap(), ["handler", "work"]);
}

#[tokio::test]
async fn an_agent_that_stops_waits_for_the_work_and_counts_the_rest() {
    let (agent, _) = agent();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let agent = agent.listener(listener).limits(|limits| {
        limits.drain_timeout = Duration::from_millis(500);
        limits.linger_timeout = Duration::from_millis(50);
    });
    let server = agent.build().unwrap().bind().unwrap();
    let monitor = server.monitor();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve(async { drop(stopped.await) }));
    let stream = TcpStream::connect(address).await.unwrap();
    let mut peer = Peer::over(stream, tokio::spawn(async {}));
    peer.greet().await;
    peer.ask(&["short", "short", "endless", "short"]).await;
    peer.io.shutdown().await.unwrap();
    stop.send(()).unwrap();
    serving.await.unwrap();
    let stats = monitor.stats();
    let counts = [
        stats.after_work_done,
        stats.after_work_dropped,
        stats.after_work_kept,
    ];
    assert_eq!(counts, [3, 1, 0]);
}

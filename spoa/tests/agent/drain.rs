//! How an agent that is to stop takes leave of the connections it has.

use crate::handlers::agent;
use crate::peer::{Answer, Peer, ack, health_check, hello, notify};
use spoa::agent::Limits;
use spoa::handler::Peer as Origin;
use spoa::prelude::*;
use spoa::spop::{Disconnect, FrameType, Status};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, oneshot};
use tokio::time::Instant;

/// A peer of an agent with these limits, and what begins the graceful close of their connection.
async fn connect_with(limits: Limits) -> (Peer, oneshot::Sender<()>) {
    let agent = agent()
        .handlers(handlers![gated])
        .limits(|all| *all = limits);
    let agent = agent.build().unwrap();
    let (io, theirs) = tokio::io::duplex(1 << 20);
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(async move {
        let stopped = async { drop(stopped.await) };
        agent
            .serve_connection(theirs, Origin::Memory, stopped)
            .await;
    });
    let mut peer = Peer::over(io, serving);
    peer.greet().await;
    (peer, stop)
}

async fn connect() -> (Peer, oneshot::Sender<()>) {
    connect_with(Limits::default()).await
}

#[tokio::test(start_paused = true)]
async fn the_disconnect_leaves_in_one_write_with_the_last_answer() {
    let (mut peer, stop) = connect().await;
    peer.send(&notify(1, &["slow"])).await;
    peer.send(&notify(3, &["slow"])).await;
    // In order, so both have come when this is answered.
    assert_eq!(
        peer.ask(&["sync"]).await,
        ack(1, &["set-var sess.sync = 7"])
    );
    stop.send(()).unwrap();
    let slow = ["set-var sess.slow = 7"];
    let answers = [peer.answer().await, peer.answer().await];
    assert!(answers.contains(&ack(1, &slow)) && answers.contains(&ack(3, &slow)));
    assert!(peer.has_more());
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    drop(peer.io);
    peer.agent.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_connection_in_use_ends_after_an_answer() {
    let (mut peer, stop) = connect().await;
    stop.send(()).unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    assert_eq!(
        peer.ask(&["sync"]).await,
        ack(1, &["set-var sess.sync = 7"])
    );
    assert!(peer.has_more());
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
}

/// Lets `gated` end.
static GATE: Notify = Notify::const_new();

#[spoe_message("gated")]
async fn gated() -> SetVar<u8> {
    GATE.notified().await;
    SetVar::session("gated", 1)
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_not_held_back_for_a_slow_handler() {
    let (mut peer, stop) = connect().await;
    peer.send(&notify(1, &["gated"])).await;
    stop.send(()).unwrap();
    peer.send(&notify(3, &["sync"])).await;
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
    GATE.notify_one();
    assert_eq!(peer.answer().await, ack(1, &["set-var sess.gated = 1"]));
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
}

#[tokio::test(start_paused = true)]
async fn haproxys_disconnect_does_not_cost_the_answers_that_are_held_back() {
    let (mut peer, stop) = connect().await;
    peer.send(&notify(1, &["slow"])).await;
    stop.send(()).unwrap();
    let mut bytes = notify(3, &["sync"]);
    Disconnect::from(Status::NORMAL).encode(FrameType::HAPROXY_DISCONNECT, &mut bytes);
    peer.send(&bytes).await;
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    assert_eq!(peer.answer().await, Answer::Closed);
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_ends_a_moment_later() {
    let (mut peer, stop) = connect().await;
    let start = Instant::now();
    stop.send(()).unwrap();
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    assert_eq!(start.elapsed(), Duration::from_millis(100));
    drop(peer.io);
    peer.agent.await.unwrap();
}

#[tokio::test]
async fn a_peer_that_is_not_yet_accepted_is_answered() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let agent = agent().handlers(handlers![gated]).listener(listener);
    let agent = agent.build().unwrap();
    let agent = tokio::spawn(async {
        agent.serve(async {}).await.unwrap();
    });
    let mut peer = Peer::over(stream, agent);
    // In one write, since the agent waits only a tenth of a second for the next frame.
    peer.send(&[hello(16380), notify(1, &["sync"])].concat())
        .await;
    assert_eq!(peer.answer().await, Answer::Hello);
    assert_eq!(peer.answer().await, ack(1, &["set-var sess.sync = 7"]));
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
}

#[tokio::test(start_paused = true)]
async fn a_peer_without_a_hello_is_closed_a_moment_later() {
    let agent = agent().handlers(handlers![gated]).build().unwrap();
    let (_silent, theirs) = tokio::io::duplex(1024);
    let start = Instant::now();
    agent
        .serve_connection(theirs, Origin::Memory, async {})
        .await;
    assert_eq!(start.elapsed(), Duration::from_millis(100));
}

/// The answers of an agent in lame duck, to a health check and to a NOTIFY.
#[tokio::test]
async fn a_lame_duck_refuses_health_checks_and_still_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let agent = agent()
        .limits(|limits| limits.lame_duck = Duration::from_secs(3600))
        .listener(listener)
        .build()
        .unwrap();
    let serving = tokio::spawn(async {
        agent.serve(async { drop(stopped.await) }).await.unwrap();
    });
    let connect = async || {
        let nobody = tokio::spawn(async {});
        Peer::over(TcpStream::connect(addr).await.unwrap(), nobody)
    };
    let mut before = connect().await;
    before.send(&health_check()).await;
    assert_eq!(before.answer().await, Answer::Hello);

    stop.send(()).unwrap();
    let mut check = connect().await;
    check.send(&health_check()).await;
    assert_eq!(check.answer().await, Answer::Disconnect(0));
    let mut engine = connect().await;
    engine.greet().await;
    let sync = ack(1, &["set-var sess.sync = 7"]);
    assert_eq!(engine.ask(&["sync"]).await, sync);
    assert_eq!(engine.ask(&["sync"]).await, sync);
    assert!(!serving.is_finished());
    serving.abort();
}

#[tokio::test]
async fn a_lame_duck_drains_when_its_time_is_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let agent = agent()
        .limits(|limits| limits.lame_duck = Duration::from_millis(200))
        .listener(listener)
        .build()
        .unwrap();
    let start = Instant::now();
    let serving = tokio::spawn(async {
        agent.serve(async {}).await.unwrap();
    });
    let mut peer = Peer::over(stream, serving);
    peer.greet().await;
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    assert!(start.elapsed() >= Duration::from_millis(200));
    drop(peer.io);
    peer.agent.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_drain_that_runs_out_of_time_answers_and_sends_disconnect() {
    let mut limits = Limits::default();
    limits.handler_timeout = None;
    limits.drain_timeout = Duration::from_millis(50);
    let (mut peer, stop) = connect_with(limits).await;
    peer.send(&notify(3, &["sync", "never"])).await;
    assert_eq!(
        peer.ask(&["sync"]).await,
        ack(1, &["set-var sess.sync = 7"])
    );
    stop.send(()).unwrap();
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    drop(peer.io);
    peer.agent.await.unwrap();
}

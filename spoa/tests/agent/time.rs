//! What a peer has to do in time, and what the agent waits for itself.

use crate::handlers::agent;
use crate::peer::{Answer, Peer, hello, notify};
use spoa::spop::FrameType;
use std::time::Duration;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_peer_that_says_no_hello_is_closed() {
    let mut peer = Peer::silent(agent(), 4096);
    let start = Instant::now();
    peer.send(&hello(16380)[..20]).await;
    assert_eq!(peer.answer().await, Answer::Closed);
    assert_eq!(start.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_stops_inside_a_frame_is_closed() {
    let mut peer = Peer::connect(agent()).await;
    let bytes = notify(1, &["sync"]);
    let start = Instant::now();
    for byte in &bytes[..bytes.len() - 1] {
        peer.send(&[*byte]).await;
        sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(peer.answer().await, Answer::Closed);
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_stays() {
    let mut peer = Peer::connect(agent()).await;
    sleep(Duration::from_secs(24 * 3600)).await;
    assert!(matches!(peer.ask(&["sync"]).await, Answer::Ack(1, _)));
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_leaves_answers_unread_is_closed() {
    let mut peer = Peer::silent(agent(), 64);
    peer.send(&hello(16380)).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    let start = Instant::now();
    peer.send(&notify(1, &["large"])).await;
    peer.agent.await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn after_its_goodbye_the_agent_waits_for_the_peer_to_close() {
    let mut peer = Peer::silent(agent(), 4096);
    let mut bytes = Vec::new();
    let ids = spoa::spop::FrameIds::ZERO;
    let flags = spoa::spop::Flags::FIN;
    spoa::spop::Frame {
        frame_type: FrameType::Notify,
        flags,
        ids,
        payload: b"",
    }
    .encode(&mut bytes);
    peer.send(&bytes).await;
    let start = Instant::now();
    assert_eq!(peer.answer().await, Answer::Disconnect(4));
    assert_eq!(peer.answer().await, Answer::Closed);
    assert_eq!(start.elapsed(), Duration::from_secs(1));
}

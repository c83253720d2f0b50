//! The times that a peer must keep, and those that the agent waits.

use crate::handlers::agent;
use crate::peer::{Answer, Peer, hello, notify};
use spoa::handler::Peer as Origin;
use spoa::spop::{Frame, FrameType};
use spoa_test_support::Stream;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::ReadBuf;
use tokio::task::coop;
use tokio::time::{Instant, sleep};

#[tokio::test(start_paused = true)]
async fn a_peer_without_a_hello_is_closed() {
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
    peer.greet().await;
    let start = Instant::now();
    peer.send(&notify(1, &["large"])).await;
    peer.agent.await.unwrap();
    assert_eq!(start.elapsed(), Duration::from_secs(10));
}

#[tokio::test(start_paused = true)]
async fn after_its_disconnect_the_agent_waits_for_the_peer_to_close() {
    let mut peer = Peer::silent(agent(), 4096);
    let mut bytes = Vec::new();
    let ids = spoa::spop::FrameIds::ZERO;
    let flags = spoa::spop::Flags::FIN;
    spoa::spop::Frame {
        frame_type: FrameType::NOTIFY,
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

/// On the real clock: a paused one does not advance while there is something to do.
#[tokio::test]
async fn timers_expire_while_a_peer_sends_without_a_pause() {
    let answered = AtomicBool::new(false);
    let mut first = Some([hello(16380), notify(1, &["never"])].concat());
    let mut reads = 0;
    // The peer has a NOTIFY for every read, until stream 1 is answered.
    let read = |cx: &mut Context<'_>, into: &mut ReadBuf<'_>| {
        // Tokio's own sockets do this, too.
        ready!(coop::poll_proceed(cx)).made_progress();
        reads += 1;
        if !answered.load(Ordering::SeqCst) && reads < 1_000_000 {
            let bytes = first.take().unwrap_or_else(|| notify(3, &["sync"]));
            into.put_slice(&bytes);
        }
        Poll::Ready(())
    };
    let stream = Stream::new(read, |_, mut bytes: &[u8]| {
        while let Ok(Some(frame)) = Frame::split(&mut bytes, 1 << 20) {
            if frame.ids.stream_id == 1 {
                answered.store(true, Ordering::SeqCst);
            }
        }
    });
    let agent = agent()
        .limits(|limits| limits.handler_timeout = Some(Duration::from_millis(20)))
        .build()
        .unwrap();
    agent
        .serve_connection(stream, Origin::Memory, pending())
        .await;
    assert!(answered.load(Ordering::SeqCst));
}

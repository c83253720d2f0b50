//! The course of a connection: HELLO, NOTIFYs in any number and split, DISCONNECTs.

use crate::handlers::agent;
use crate::peer::{Answer, Peer, ack, frame, hello, notify};
use spoa::handler::Peer as Origin;
use spoa::prelude::*;
use spoa::spop::{Disconnect, Flags, FrameType, NotifyWriter, Status};
use spoa_test_support::Stream;
use std::future::pending;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_answers_to_one_read_leave_in_one_write() {
    let mut input = hello(16380);
    for stream in 0..100 {
        input.extend(notify(stream, &["sync", "ready"]));
    }
    let writes = Mutex::new(Vec::new());
    let recorder = Stream::new(
        move |_, into| {
            let count = input.len().min(into.remaining());
            into.put_slice(&input.drain(..count).collect::<Vec<_>>());
            Poll::Ready(())
        },
        |_, bytes: &[u8]| writes.lock().unwrap().push(bytes.len()),
    );
    agent()
        .build()
        .unwrap()
        .serve_connection(recorder, Origin::Memory, pending())
        .await;
    assert_eq!(writes.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_conversation_sent_byte_by_byte_has_the_same_answers() {
    let mut peer = Peer::silent(agent(), 1 << 16);
    let mut bytes = hello(16380);
    bytes.extend(notify(0, &["sync"]));
    bytes.extend(notify(1, &["ready", "sync"]));
    for byte in bytes {
        peer.send(&[byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(peer.answer().await, Answer::Hello);
    assert_eq!(peer.answer().await, ack(0, &["set-var sess.sync = 7"]));
    assert_eq!(
        peer.answer().await,
        ack(1, &["set-var sess.ready = 7", "set-var sess.sync = 7"])
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_does_not_delay_the_others() {
    let mut peer = Peer::connect(agent()).await;
    let mut bytes = notify(1, &["slow", "sync"]);
    bytes.extend(notify(3, &["sync"]));
    peer.send(&bytes).await;
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
    assert_eq!(
        peer.answer().await,
        ack(1, &["set-var sess.slow = 7", "set-var sess.sync = 7"])
    );
}

#[tokio::test(start_paused = true)]
async fn several_slow_messages_of_one_notify_run_at_once_and_answer_in_order() {
    let mut peer = Peer::connect(agent()).await;
    let start = tokio::time::Instant::now();
    let answer = peer.ask(&["sync", "slow", "ready", "slow", "sync"]).await;
    let expected = [
        "set-var sess.sync = 7",
        "set-var sess.slow = 7",
        "set-var sess.ready = 7",
        "set-var sess.slow = 7",
        "set-var sess.sync = 7",
    ];
    assert_eq!(answer, ack(1, &expected));
    assert_eq!(start.elapsed().as_millis(), 50);
}

#[tokio::test(start_paused = true)]
async fn handlers_that_are_done_at_once_answer_in_the_order_they_were_asked() {
    let mut peer = Peer::connect(agent()).await;
    let bytes = (0..20).flat_map(|stream| notify(stream, &["slow"]));
    peer.send(&bytes.collect::<Vec<_>>()).await;
    for stream in 0..20 {
        assert_eq!(peer.answer().await, ack(stream, &["set-var sess.slow = 7"]));
    }
}

/// How many `mortal`s are running.
static ALIVE: AtomicUsize = AtomicUsize::new(0);

struct Alive;

impl Drop for Alive {
    fn drop(&mut self) {
        ALIVE.fetch_sub(1, Ordering::SeqCst);
    }
}

#[spoe_message("mortal")]
async fn mortal() {
    ALIVE.fetch_add(1, Ordering::SeqCst);
    let _alive = Alive;
    std::future::pending().await
}

#[tokio::test(start_paused = true)]
async fn handlers_are_cancelled_when_their_connection_dies() {
    let mut peer = Peer::connect(
        agent()
            .handlers(handlers![mortal])
            .limits(|limits| limits.handler_timeout = None),
    )
    .await;
    peer.send(&notify(1, &["mortal", "mortal"])).await;
    while ALIVE.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    drop(peer.io);
    peer.agent.await.unwrap();
    assert_eq!(ALIVE.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn haproxys_disconnect_is_answered_and_the_connection_closed() {
    let mut peer = Peer::connect(agent()).await;
    let mut bytes = notify(1, &["sync"]);
    Disconnect::from(Status::NORMAL).encode(FrameType::HAPROXY_DISCONNECT, &mut bytes);
    peer.send(&bytes).await;
    assert_eq!(peer.answer().await, ack(1, &["set-var sess.sync = 7"]));
    assert_eq!(peer.answer().await, Answer::Disconnect(0));
    assert_eq!(peer.answer().await, Answer::Closed);
}

#[tokio::test]
async fn a_connection_that_is_not_spop_is_closed_silently() {
    for bytes in [
        &b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01",
        b"PROXY TCP4 ",
    ] {
        let mut peer = Peer::silent(agent(), 1 << 16);
        peer.send(bytes).await;
        assert_eq!(peer.answer().await, Answer::Closed);
    }
}

#[tokio::test]
async fn an_unexpected_frame_ends_the_connection_with_its_status() {
    for (bytes, status) in [
        (notify(1, &["sync"]), 4),
        (hello(255), 9),
        (vec![0, 0, 0, 1], 4),
        (vec![0xff; 8], 3),
        (frame(FrameType::ACK, Flags::FIN, 0, b""), 4),
    ] {
        let mut peer = Peer::silent(agent(), 1 << 16);
        peer.send(&bytes).await;
        assert_eq!(
            peer.answer().await,
            Answer::Disconnect(status),
            "{bytes:02x?}"
        );
    }
}

#[tokio::test]
async fn a_notify_that_cannot_be_read_is_answered_and_affects_no_other() {
    let mut peer = Peer::connect(agent()).await;
    let mut bytes = frame(FrameType::NOTIFY, Flags::FIN, 1, b"\x04sync\x02\x01n");
    bytes.extend(notify(3, &["sync"]));
    peer.send(&bytes).await;
    assert_eq!(peer.answer().await, ack(1, &[]));
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
}

#[tokio::test]
async fn a_fragmented_notify_is_answered_once() {
    let mut peer = Peer::connect(agent()).await;
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message("ready", &[("n", spoa::spop::Value::Int64(7))]);
    let (first, rest) = payload.split_at(3);
    let (second, third) = rest.split_at(2);
    let mut bytes = frame(FrameType::NOTIFY, Flags::NONE, 1, first);
    bytes.extend(notify(3, &["sync"]));
    bytes.extend(frame(FrameType::UNSET, Flags::NONE, 1, second));
    bytes.extend(frame(FrameType::UNSET, Flags::FIN, 1, third));
    peer.send(&bytes).await;
    assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
    assert_eq!(peer.answer().await, ack(1, &["set-var sess.ready = 7"]));
}

#[tokio::test]
async fn the_agent_stops_reading_from_a_peer_that_does_not_read() {
    let mut peer = Peer::silent(agent(), 4096);
    peer.greet().await;
    let request = notify(1, &["large"]);
    let mut sent = 0;
    let flood = async {
        for _ in 0..10_000 {
            peer.io.write_all(&request).await.unwrap();
            sent += request.len();
        }
    };
    let stalled = tokio::time::timeout(Duration::from_millis(200), flood).await;
    assert!(
        stalled.is_err(),
        "the agent took {sent} bytes and no answer was read"
    );
    assert!(sent < 100_000, "{sent} bytes");

    let mut answers = Vec::new();
    while answers.len() < 10 {
        let read = peer.io.read_buf(&mut answers).await.unwrap();
        assert!(read > 0);
    }
}

/// As one that encrypts may: it passes on what it is given when it is told to.
#[tokio::test(start_paused = true)]
async fn a_stream_with_a_write_buffer_is_flushed() {
    // So short that flushing takes several polls.
    let (io, theirs) = tokio::io::duplex(16);
    let agent = agent().build().unwrap();
    let serving =
        agent.serve_connection(tokio::io::BufStream::new(theirs), Origin::Memory, pending());
    let mut peer = Peer::over(io, tokio::spawn(serving));
    peer.send(&hello(16380)).await;
    let answer = tokio::time::timeout(Duration::from_secs(60), peer.answer());
    assert_eq!(answer.await, Ok(Answer::Hello));
    for _ in 0..3 {
        let expected = ack(1, &["set-var sess.sync = 7"]);
        assert_eq!(peer.ask(&["sync"]).await, expected);
    }
}

#[tokio::test]
async fn an_agent_without_an_address_cannot_listen() {
    let built = || agent().build().unwrap();
    let refused = built().serve(async {}).await.unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the agent listens nowhere: write `.listen(\"127.0.0.1:12345\")` or `.listener(…)` where it is \
         built"
    );
    assert!(built().bind().is_err());
    // One that is given its connections need not listen.
    let mut peer = Peer::to(&built(), 1 << 16);
    peer.greet().await;
}

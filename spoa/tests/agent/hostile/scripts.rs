//! Clients whose timing is hostile: they stop, dawdle, do not read, do not end.

use super::{PATIENCE, agent, answer, is_unharmed, serves};
use crate::peer::{Answer, Peer, ack, frame, hello, notify};
use spoa::spop::{Flags, FrameType, NotifyWriter, Value};
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::{Instant, sleep, timeout};

#[tokio::test(start_paused = true)]
async fn a_conversation_cut_at_any_byte_gets_the_answers_to_its_whole_frames() {
    let (agent, panics) = agent();
    let pieces = [hello(16380), notify(1, &["sync"]), notify(3, &["ready"])];
    let answers = [
        Answer::Hello,
        ack(1, &["set-var sess.sync = 7"]),
        ack(3, &["set-var sess.ready = 7"]),
    ];
    let bytes = pieces.concat();
    for end in 0..=bytes.len() {
        let name = format!("cut after {end} bytes");
        let mut peer = Peer::to(&agent, 1 << 16);
        peer.send(&bytes[..end]).await;
        peer.io.shutdown().await.unwrap();
        let mut whole = 0;
        for (piece, expected) in pieces.iter().zip(&answers) {
            whole += piece.len();
            if whole <= end {
                assert_eq!(answer(&mut peer, &name).await, *expected, "{name}");
            }
        }
        assert_eq!(answer(&mut peer, &name).await, Answer::Closed, "{name}");
        peer.agent.await.expect("no task panics");
    }
    serves(&agent, "truncated").await;
    assert_eq!(panics.load(Ordering::Relaxed), 0);
}

#[tokio::test(start_paused = true)]
async fn a_hello_at_one_byte_a_second_is_closed_in_time() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 1 << 16);
    let start = Instant::now();
    for byte in hello(16380) {
        // The agent may have closed its end in the meantime.
        let _ = peer.io.write_all(&[byte]).await;
        sleep(Duration::from_secs(1)).await;
        if peer.agent.is_finished() {
            break;
        }
    }
    assert!(start.elapsed() <= Duration::from_secs(6));
    assert_eq!(answer(&mut peer, "dawdler").await, Answer::Closed);
    serves(&agent, "dawdler").await;
}

#[tokio::test(start_paused = true)]
async fn a_long_frame_at_one_byte_a_second_is_closed_in_time() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.send(&hello(16380)).await;
    assert_eq!(answer(&mut peer, "dawdler").await, Answer::Hello);
    let start = Instant::now();
    for byte in notify(1, &["sync"; 10]) {
        let _ = peer.io.write_all(&[byte]).await;
        sleep(Duration::from_secs(1)).await;
        if peer.agent.is_finished() {
            break;
        }
    }
    assert!(start.elapsed() <= Duration::from_secs(11));
    assert_eq!(answer(&mut peer, "dawdler").await, Answer::Closed);
    serves(&agent, "dawdler").await;
}

#[tokio::test(start_paused = true)]
async fn short_frames_that_arrive_slowly_are_answered() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.send(&hello(16380)).await;
    assert_eq!(answer(&mut peer, "dawdler").await, Answer::Hello);
    for _ in 0..20 {
        // Seven bytes and their length take ten seconds from the first to the last.
        for part in frame(FrameType::NOTIFY, Flags::FIN, 1, b"").chunks(2) {
            peer.send(part).await;
            sleep(Duration::from_secs(1)).await;
        }
        assert_eq!(answer(&mut peer, "dawdler").await, ack(1, &[]));
    }
    is_unharmed(&mut peer, "dawdler").await;
}

#[tokio::test(start_paused = true)]
async fn a_half_closed_peer_gets_the_finished_answers_only() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.send(&hello(16380)).await;
    let mut bytes = notify(1, &["never"]);
    bytes.extend(notify(3, &["sync"]));
    peer.send(&bytes).await;
    peer.io.shutdown().await.unwrap();
    // Finished work is answered; a peer that hung up is not waited for.
    let start = Instant::now();
    assert_eq!(answer(&mut peer, "half-closed").await, Answer::Hello);
    let expected = ack(3, &["set-var sess.sync = 7"]);
    assert_eq!(answer(&mut peer, "half-closed").await, expected);
    assert_eq!(answer(&mut peer, "half-closed").await, Answer::Closed);
    assert_eq!(start.elapsed(), Duration::ZERO);
    peer.agent.await.expect("no task panics");
    serves(&agent, "half-closed").await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_closes_at_once_does_no_harm() {
    let (agent, _) = agent();
    for _ in 0..100 {
        let peer = Peer::to(&agent, 1 << 16);
        drop(peer.io);
        peer.agent.await.expect("no task panics");
    }
    serves(&agent, "closed at once").await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_never_reads_its_answers_is_closed() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 4096);
    peer.send(&hello(16380)).await;
    let request = notify(1, &["large", "slow", "never"]);
    let start = Instant::now();
    let mut sent = 0;
    while timeout(PATIENCE, peer.io.write_all(&request))
        .await
        .expect("the agent takes the bytes or closes")
        .is_ok()
    {
        sent += request.len();
        assert!(sent < 1 << 20, "taken without an answer read");
    }
    assert!(start.elapsed() < Duration::from_secs(15));
    peer.agent.await.expect("no task panics");
    serves(&agent, "never reading").await;
}

#[tokio::test(start_paused = true)]
async fn a_peer_that_reads_one_byte_a_second_stays() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 64);
    peer.send(&hello(16380)).await;
    assert_eq!(answer(&mut peer, "dawdler").await, Answer::Hello);
    peer.send(&notify(1, &["large"])).await;
    // It reads, so it stays; and what it reads is right.
    let mut bytes = Vec::new();
    while bytes.len() < 500 {
        sleep(Duration::from_secs(1)).await;
        bytes.push(peer.io.read_u8().await.unwrap());
    }
    assert_eq!(bytes[4], FrameType::ACK.code());
    serves(&agent, "dawdler").await;
}

#[tokio::test(start_paused = true)]
async fn handlers_that_never_end_are_limited_and_time_out() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 1 << 20);
    peer.send(&hello(16380)).await;
    assert_eq!(answer(&mut peer, "flood").await, Answer::Hello);
    let start = Instant::now();
    peer.send(&notify(1, &["never"]).repeat(1000)).await;
    for _ in 0..1000 {
        assert_eq!(answer(&mut peer, "flood").await, ack(1, &[]));
    }
    // 256 at once, each given up after a second; the others are refused at once.
    assert_eq!(start.elapsed(), Duration::from_secs(1));
    is_unharmed(&mut peer, "flood").await;
}

#[tokio::test(start_paused = true)]
async fn a_flood_after_the_disconnect_ends_within_a_second() {
    let (agent, _) = agent();
    let mut peer = Peer::to(&agent, 1 << 16);
    peer.send(&[0xff; 100]).await;
    assert_eq!(answer(&mut peer, "flood").await, Answer::Disconnect(3));
    let start = Instant::now();
    while peer.io.write_all(&[0xff; 10_000]).await.is_ok() {
        sleep(Duration::from_millis(1)).await;
    }
    assert!(start.elapsed() < Duration::from_millis(1100));
    peer.agent.await.expect("no task panics");
    serves(&agent, "flood").await;
}

/// A size only a client that is not HAProxy offers.
const LARGE: u32 = 1 << 20;

/// The most messages of one NOTIFY that are answered.
const MOST: usize = 1024;

/// A NOTIFY of this many messages, or of as many as it holds.
fn packed(message: &str, count: usize) -> (usize, Vec<u8>) {
    let mut one = Vec::new();
    NotifyWriter::new(&mut one).message(message, &[("n", Value::Int64(7))]);
    let count = count.min((LARGE as usize - 100) / one.len());
    let bytes = frame(FrameType::NOTIFY, Flags::FIN, 1, &one.repeat(count));
    (count, bytes)
}

#[tokio::test(start_paused = true)]
async fn a_frame_full_of_messages_is_answered_up_to_the_limit() {
    let (agent, _) = agent();
    for message in ["sync", "ready", "never", "large"] {
        for most in [MOST, usize::MAX] {
            let mut peer = Peer::to(&agent, 1 << 20);
            peer.send(&hello(LARGE)).await;
            assert_eq!(answer(&mut peer, message).await, Answer::Hello);
            let (count, bytes) = packed(message, most);
            assert!(count == MOST || count > 50_000);
            peer.send(&bytes).await;
            let Answer::Ack(1, actions) = answer(&mut peer, message).await else {
                panic!("{message}: no ACK");
            };
            assert_eq!(actions.is_empty(), count > MOST || message == "never");
            is_unharmed(&mut peer, message).await;
        }
    }
}

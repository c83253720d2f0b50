//! At a limit there is an answer or a DISCONNECT at once: later frames do not wait, and nothing grows.

use crate::handlers::agent;
use crate::peer::{Answer, Peer, ack, frame, hello, notify};
use spoa::State;
use spoa::agent::Agent;
use spoa::agent::FailedMessage;
use spoa::handler::Failure;
use spoa::prelude::*;
use spoa::spop::Value;
use spoa::spop::{Flags, FrameType, NotifyWriter};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// The limit that was reached.
fn limit(failed: &FailedMessage<'_>) -> SetVar<String> {
    let text = match failed.failure() {
        Failure::Overloaded(overload) => format!("{overload:?}"),
        Failure::TimedOut(_) => "late".to_owned(),
        other => format!("unexpected: {other}"),
    };
    SetVar::transaction("limit", text)
}

fn shed(stream: u64, limit: &str) -> Answer {
    ack(stream, &[&format!("set-var txn.limit = \"{limit}\"")])
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_never_delays_a_quick_one_on_the_same_connection() {
    let mut peer = Peer::connect(agent().on_failure(limit)).await;
    let start = Instant::now();
    let mut bytes = Vec::new();
    for stream in 0..300 {
        bytes.extend(notify(stream, &["slow"]));
    }
    bytes.extend(notify(1000, &["sync"]));
    peer.send(&bytes).await;
    for stream in 256..300 {
        assert_eq!(peer.answer().await, shed(stream, "Connection(256)"));
    }
    assert_eq!(peer.answer().await, ack(1000, &["set-var sess.sync = 7"]));
    assert_eq!(start.elapsed(), Duration::ZERO);
    for _ in 0..256 {
        let Answer::Ack(0..256, actions) = peer.answer().await else {
            panic!("no ACK of one that was begun")
        };
        assert_eq!(actions, ["set-var sess.slow = 7"]);
    }
    assert_eq!(start.elapsed(), Duration::from_millis(50));
}

#[tokio::test(start_paused = true)]
async fn the_limit_of_handlers_is_for_all_connections_together() {
    let agent = agent()
        .limits(|limits| limits.max_in_flight_total = 3)
        .on_failure(limit)
        .build()
        .unwrap();
    let (mut one, mut other) = (Peer::to(&agent, 1 << 16), Peer::to(&agent, 1 << 16));
    for peer in [&mut one, &mut other] {
        peer.greet().await;
    }
    one.send(&notify(1, &["slow", "slow"])).await;
    assert_eq!(one.ask(&["sync"]).await, ack(1, &["set-var sess.sync = 7"]));
    let slow = "set-var sess.slow = 7";
    let full = "set-var txn.limit = \"Total(3)\"";
    assert_eq!(other.ask(&["slow", "slow"]).await, ack(1, &[slow, full]));
    assert_eq!(one.answer().await, ack(1, &[slow, slow]));
    // They are done: there is room again.
    assert_eq!(other.ask(&["slow"]).await, ack(1, &[slow]));
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_dies_frees_its_share_of_the_limits() {
    let agent = agent()
        .limits(|limits| limits.max_in_flight_total = 1)
        .on_failure(limit)
        .build()
        .unwrap();
    let mut one = Peer::to(&agent, 1 << 16);
    one.send(&[hello(16380), notify(1, &["never"])].concat())
        .await;
    assert_eq!(one.answer().await, Answer::Hello);
    let mut other = Peer::to(&agent, 1 << 16);
    other.greet().await;
    assert_eq!(other.ask(&["slow"]).await, shed(1, "Total(1)"));
    drop(one.io);
    one.agent.await.unwrap();
    let slow = ack(1, &["set-var sess.slow = 7"]);
    assert_eq!(other.ask(&["slow"]).await, slow);
}

#[tokio::test(start_paused = true)]
async fn messages_of_running_handlers_count_towards_the_limit_of_bytes() {
    let mut peer = Peer::connect(
        agent()
            .limits(|limits| limits.max_buffered_total = 10_000)
            .on_failure(limit),
    )
    .await;
    let bytes = (0..3).flat_map(|stream| long(stream, "slow", 6000));
    peer.send(&bytes.collect::<Vec<_>>()).await;
    assert_eq!(peer.answer().await, shed(2, "Bytes(10000)"));
    for stream in 0..2 {
        let slow = ack(stream, &["set-var sess.slow = 7"]);
        assert_eq!(peer.answer().await, slow);
    }
}

/// A NOTIFY of about `size` bytes.
fn long(stream_id: u64, message: &str, size: usize) -> Vec<u8> {
    let text = "x".repeat(size);
    let args = [("n", Value::Int64(7)), ("text", text.as_str().into())];
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message(message, &args);
    frame(FrameType::NOTIFY, Flags::FIN, stream_id, &payload)
}

/// `count` connections to an agent, with large frames.
async fn connect(agent: &Agent, count: usize) -> Vec<Peer> {
    let mut peers = Vec::new();
    for _ in 0..count {
        let mut peer = Peer::to(agent, 1 << 20);
        peer.send(&hello(1 << 20)).await;
        assert_eq!(peer.answer().await, Answer::Hello);
        peers.push(peer);
    }
    peers
}

const MOMENT: Duration = Duration::from_millis(1);

#[tokio::test(start_paused = true)]
async fn unfinished_frames_count_beyond_the_free_bytes_of_each_connection() {
    let agent = agent()
        .limits(|limits| limits.max_buffered_total = 100_000)
        .build()
        .unwrap();
    let mut peers = connect(&agent, 4).await;
    let [one, other, modest, last] = &mut peers[..] else {
        unreachable!()
    };
    let (large, small) = (long(1, "sync", 120_000), long(1, "sync", 16_000));
    let done = ack(1, &["set-var sess.sync = 7"]);
    one.send(&large[..90_000]).await;
    tokio::time::sleep(MOMENT).await;
    other.send(&large[..90_000]).await;
    assert_eq!(other.answer().await, Answer::Disconnect(13));
    modest.send(&small[..15_000]).await;
    tokio::time::sleep(MOMENT).await;
    modest.send(&small[15_000..]).await;
    assert_eq!(modest.answer().await, done);
    one.send(&large[90_000..]).await;
    assert_eq!(one.answer().await, done);
    last.send(&large[..90_000]).await;
    tokio::time::sleep(MOMENT).await;
    last.send(&large[90_000..]).await;
    assert_eq!(last.answer().await, done);
}

#[tokio::test(start_paused = true)]
async fn unread_answers_count_towards_the_limit_of_bytes() {
    let agent = agent()
        .handlers(handlers![echo])
        .limits(|limits| limits.max_buffered_total = 10_000);
    let mut peer = Peer::silent(agent, 1 << 16);
    peer.send(&hello(1 << 20)).await;
    assert_eq!(peer.answer().await, Answer::Hello);
    let start = Instant::now();
    // The pipe takes the first, and the agent keeps the second.
    for _ in 0..2 {
        peer.send(&long(1, "echo", 60_000)).await;
    }
    peer.agent.await.unwrap();
    assert_eq!(
        start.elapsed(),
        Duration::ZERO,
        "it waited for its write timeout"
    );
}

#[spoe_message("echo")]
fn echo(text: &str) -> SetVar<&str> {
    SetVar::session("echo", text)
}

#[tokio::test]
async fn fragments_of_one_connection_leave_less_to_the_others() {
    let agent = agent()
        .limits(|limits| limits.max_reassembled_total = 1000)
        .build()
        .unwrap();
    let mut peers = connect(&agent, 2).await;
    let [one, other] = &mut peers[..] else {
        unreachable!()
    };
    let whole = long(1, "sync", 600);
    // Its head: the length, the type, the flags, the ids.
    let (first, rest) = whole[4 + 1 + 4 + 2..].split_at(500);
    for peer in [&mut *one, &mut *other] {
        peer.send(&frame(FrameType::NOTIFY, Flags::NONE, 1, first))
            .await;
        // In order, so the fragment has come when this is answered.
        peer.send(&notify(3, &["sync"])).await;
        assert_eq!(peer.answer().await, ack(3, &["set-var sess.sync = 7"]));
    }
    let last = frame(FrameType::UNSET, Flags::FIN, 1, rest);
    other.send(&last).await;
    assert_eq!(other.answer().await, ack(1, &[]));
    one.send(&last).await;
    assert_eq!(one.answer().await, ack(1, &["set-var sess.sync = 7"]));
    other
        .send(&frame(FrameType::NOTIFY, Flags::NONE, 1, first))
        .await;
    other.send(&last).await;
    assert_eq!(other.answer().await, ack(1, &["set-var sess.sync = 7"]));
}

/// Hangs while the switch says so.
#[spoe_message("switched")]
async fn switched(switch: State<'_, Switch>) -> SetVar<u8> {
    if switch.0.0.load(Ordering::Relaxed) {
        std::future::pending::<()>().await;
    }
    sleep(MOMENT).await;
    SetVar::session("done", 1)
}

#[derive(Clone)]
struct Switch(Arc<AtomicBool>);

#[tokio::test(start_paused = true)]
async fn a_handler_that_hangs_is_not_started_for_every_message() {
    let hangs = Arc::new(AtomicBool::new(true));
    let agent = agent()
        .handlers(handlers![switched])
        .state(Switch(hangs.clone()))
        .limits(|limits| limits.handler_timeout = Some(Duration::from_millis(100)))
        .on_failure(limit);
    let mut peer = Peer::connect(agent).await;
    let (mut late, mut refused, mut done) = (0, 0, 0);
    let mut stream = 0;
    // A NOTIFY each millisecond, for a second.
    for second in 0..3 {
        hangs.store(second == 0, Ordering::Relaxed);
        (late, refused, done) = (0, 0, 0);
        for _ in 0..1000 {
            stream += 1;
            peer.send(&notify(stream, &["switched"])).await;
            sleep(MOMENT).await;
            while let Ok(answer) = timeout(Duration::ZERO, peer.answer()).await {
                let Answer::Ack(_, actions) = answer else {
                    panic!("{answer:?}")
                };
                match actions[0].as_str() {
                    "set-var sess.done = 1" => done += 1,
                    "set-var txn.limit = \"late\"" => late += 1,
                    "set-var txn.limit = \"Deadline\"" => refused += 1,
                    other => panic!("{other}"),
                }
            }
        }
        if second == 0 {
            assert_eq!(done, 0);
            // Before it was known, as many as came; then 32 each 100 ms.
            assert!(late <= 100 + 32 * 10, "{late} waited for their deadline");
            assert!(refused > 500, "{refused} were answered at once");
        }
    }
    assert_eq!((late, refused), (0, 0));
    assert!(done >= 999, "{done}");
}

#[tokio::test(start_paused = true)]
async fn without_adaptive_admission_every_message_has_its_deadline() {
    let agent = agent()
        .handlers(handlers![switched])
        .state(Switch(Arc::new(AtomicBool::new(true))))
        .limits(|limits| {
            limits.handler_timeout = Some(Duration::from_millis(100));
            limits.adaptive_admission = false;
        })
        .on_failure(limit);
    let mut peer = Peer::connect(agent).await;
    for stream in 1..=500 {
        peer.send(&notify(stream, &["switched"])).await;
        sleep(MOMENT).await;
    }
    for _ in 0..500 {
        let Answer::Ack(_, actions) = peer.answer().await else {
            panic!("not an ACK")
        };
        assert_eq!(actions, ["set-var txn.limit = \"late\""]);
    }
}

//! The work that one connection may do before others have their turn, and the cost of its reads.

use crate::peer::{frame, hello, notify};
use spoa::State;
use spoa::agent::{Agent, AgentBuilder};
use spoa::handler::Peer as Origin;
use spoa::prelude::*;
use spoa::spop::{Flags, FrameType, NotifyWriter, Value};
use spoa_test_support::Stream;
use std::future::pending;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::ReadBuf;

/// How often `count` has run.
#[derive(Default)]
struct Runs(AtomicUsize);

#[spoe_message("count")]
fn count(State(runs): State<'_, Arc<Runs>>) {
    runs.0.fetch_add(1, Ordering::Relaxed);
}

fn agent(runs: &Arc<Runs>) -> AgentBuilder {
    Agent::builder()
        .handlers(handlers![count])
        .state(runs.clone())
}

/// Reads the next bytes of an input, at most `most` of them.
fn read_some(input: &[u8], at: &mut usize, most: usize, into: &mut ReadBuf<'_>) -> Poll<()> {
    let end = input.len().min(*at + into.remaining().min(most));
    into.put_slice(input.get(*at..end).unwrap_or_default());
    *at = end;
    Poll::Ready(())
}

/// The most handlers that ran in one poll of a connection with this to say, and in all.
async fn most_in_one_poll(builder: AgentBuilder, runs: &Runs, input: Vec<u8>) -> (usize, usize) {
    let mut at = 0;
    let read = |_: &mut Context<'_>, into: &mut ReadBuf<'_>| read_some(&input, &mut at, 4096, into);
    let stream = Stream::new(read, |_, _: &[u8]| {});
    let mut connection = pin!(builder.build().unwrap().serve_connection(
        stream,
        Origin::Memory,
        pending()
    ));
    let mut most = 0;
    poll_fn(|cx| {
        let before = runs.0.load(Ordering::Relaxed);
        let polled = connection.as_mut().poll(cx);
        most = most.max(runs.0.load(Ordering::Relaxed) - before);
        polled
    })
    .await;
    (most, runs.0.load(Ordering::Relaxed))
}

fn flood(notifies: u64, messages: usize) -> Vec<u8> {
    let mut input = hello(1 << 20);
    for stream in 0..notifies {
        input.extend(notify(stream, &vec!["count"; messages]));
    }
    input
}

#[tokio::test]
async fn a_poll_answers_256_notifies_and_lets_others_have_their_turn() {
    let runs = Arc::new(Runs::default());
    let (most, all) = most_in_one_poll(agent(&runs), &runs, flood(5000, 1)).await;
    assert_eq!((most, all), (256, 5000));
}

#[tokio::test]
async fn a_poll_counts_messages_not_notifies() {
    let runs = Arc::new(Runs::default());
    let (most, all) = most_in_one_poll(agent(&runs), &runs, flood(500, 10)).await;
    assert_eq!((most, all), (260, 5000));
}

#[tokio::test(start_paused = true)]
async fn a_poll_during_a_drain_is_limited_as_well() {
    let runs = Arc::new(Runs::default());
    let builder = agent(&runs).limits(|limits| limits.connection_lifetime = Some(Duration::ZERO));
    let (most, all) = most_in_one_poll(builder, &runs, flood(5000, 1)).await;
    assert!(most <= 256, "{most}");
    assert!(all > 0);
}

#[tokio::test]
async fn a_notify_of_too_many_messages_is_answered_without_running_them() {
    let runs = Arc::new(Runs::default());
    let (_, all) = most_in_one_poll(agent(&runs), &runs, flood(1, 1024)).await;
    assert_eq!(all, 1024);
    let written = Mutex::new(Vec::new());
    let mut input = flood(1, 1025);
    input.extend(notify(7, &["count"]));
    let mut at = 0;
    let read = |_: &mut Context<'_>, into: &mut ReadBuf<'_>| read_some(&input, &mut at, 4096, into);
    let stream = Stream::new(read, |_, bytes: &[u8]| {
        written.lock().unwrap().extend(bytes)
    });
    let agent = agent(&runs).build().unwrap();
    agent
        .serve_connection(stream, Origin::Memory, pending())
        .await;
    assert_eq!(runs.0.load(Ordering::Relaxed), 1024 + 1);
    let answers = written.lock().unwrap();
    let acks = [
        frame(FrameType::ACK, Flags::FIN, 0, b""),
        frame(FrameType::ACK, Flags::FIN, 7, b""),
    ];
    assert!(answers.ends_with(&acks.concat()));
}

const MARK: u8 = 0xa5;

// Paused, since a busy machine takes longer than the frame may.
#[tokio::test(start_paused = true)]
async fn a_large_frame_in_small_pieces_does_not_clear_its_buffer_for_each() {
    let mut payload = Vec::new();
    let body = vec![b'x'; 900 << 10];
    NotifyWriter::new(&mut payload).message("count", &[("body", Value::Binary(&body))]);
    let mut input = hello(1 << 20);
    input.extend(frame(FrameType::NOTIFY, Flags::FIN, 1, &payload));
    let size = input.len();
    let runs = Arc::new(Runs::default());
    let cleared = AtomicUsize::new(0);
    let (mut at, mut marked) = (0, false);
    // The frame comes in drips. Each read marks the room it gets, and counts how much of it was written to since.
    let read = |cx: &mut Context<'_>, into: &mut ReadBuf<'_>| {
        // Each read finds nothing the first time.
        marked = !marked;
        if marked {
            into.initialize_unfilled().fill(MARK);
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let room = into.initialize_unfilled();
        let count = room.iter().filter(|byte| **byte != MARK).count();
        cleared.fetch_add(count, Ordering::Relaxed);
        read_some(&input, &mut at, 1448, into)
    };
    let stream = Stream::new(read, |_, _: &[u8]| {});
    let agent = agent(&runs).build().unwrap();
    agent
        .serve_connection(stream, Origin::Memory, pending())
        .await;
    assert_eq!(runs.0.load(Ordering::Relaxed), 1);
    // Up to 32 KiB, what came is copied in front of the room. The copies are not of the room.
    let cleared = cleared.load(Ordering::Relaxed);
    assert!(
        cleared < 2 * size,
        "{cleared} bytes written for a frame of {size}"
    );
}

//! A NOTIFY allocates nothing between the socket and its ACK with a sync handler, and the
//! box of its future for an async one.
//!
//! It counts the allocations of a whole conversation with an agent; the difference between a longer
//! and a shorter one is what the NOTIFYs cost.

use allocation_counter::measure;
use spoa::agent::{Agent, Observer};
use spoa::handler::Peer;
use spoa::http::{Cookies, Headers, Verdict};
use spoa::prelude::*;
use spoa::spop::{Frame, FrameType, Value};
use spoa_test_support::{Stream, hello, notify};
use std::cell::Cell;
use std::future::pending;
use std::net::{IpAddr, Ipv4Addr};
use std::task::{Context, Poll};
use tokio::io::ReadBuf;

#[spoe_message("sync")]
fn sync(ip: IpAddr, path: Text<'_>, port: u16) -> [SetVar<u16>; 2] {
    let score = u16::from(ip.is_ipv4()) + port;
    [
        SetVar::session("score", score),
        SetVar::session("len", path.len() as u16),
    ]
}

#[spoe_message("ready")]
async fn ready(ip: IpAddr, path: Text<'_>, port: u16) -> [SetVar<u16>; 2] {
    sync(ip, path, port)
}

/// Is not done at once: its ACK comes when it was woken.
#[spoe_message("woken")]
async fn woken(ip: IpAddr, path: Text<'_>, port: u16) -> [SetVar<u16>; 2] {
    let mut woken = false;
    std::future::poll_fn(|cx| {
        cx.waker().wake_by_ref();
        if std::mem::replace(&mut woken, true) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
    .await;
    sync(ip, path, port)
}

/// Looks at nothing.
struct Idle;

impl Observer for Idle {}

/// Looks at headers and cookies, and returns a verdict.
#[spoe_message("inspect")]
fn inspect(headers: Headers<'_>, cookies: Cookies<'_>) -> Verdict {
    let session = headers.cookies().get("session").is_some();
    match cookies.get("theme") {
        Some(b"dark") if session && headers.get_all("x-twice").count() == 2 => {
            Verdict::deny::<403>().reason("a dark theme")
        }
        _ => Verdict::allow(),
    }
}

const HEADERS: &[u8] =
    b"\x04host\x01a\x07x-twice\x011\x06cookie\x19session=alice; theme=dark\x07x-twice\x00\0\0";

const PER_BATCH: usize = 16;

/// Returns the allocations of a conversation of this many batches of NOTIFYs.
///
/// HAProxy says HELLO, then sends a batch again and again, each when it has read the ACKs of the one before.
fn allocations(message: &str, messages: usize, batches: usize, observed: bool) -> u64 {
    let arguments: &[_] = &[
        ("ip", Value::Ipv4(Ipv4Addr::LOCALHOST)),
        ("path", "/index.html".into()),
        ("port", Value::Int64(443)),
        ("headers", Value::Binary(HEADERS)),
    ];
    let messages = vec![(message, arguments); messages];
    let streams = (0..PER_BATCH as u64).map(|stream| 2 * stream + 1);
    let batch: Vec<u8> = streams
        .flat_map(|stream| notify(stream, &messages))
        .collect();
    let mut hello = Some(hello(16380));
    let (mut sent, acks) = (0, Cell::new(0));
    let read = |_: &mut Context<'_>, into: &mut ReadBuf<'_>| {
        if let Some(hello) = hello.take() {
            into.put_slice(&hello);
        } else if acks.get() < sent * PER_BATCH {
            return Poll::Pending;
        } else if sent < batches {
            sent += 1;
            into.put_slice(&batch);
        }
        Poll::Ready(())
    };
    let write = |cx: &mut Context<'_>, mut bytes: &[u8]| {
        while let Some(frame) = Frame::split(&mut bytes, 1 << 20).expect("an agent writes frames") {
            if frame.frame_type == FrameType::ACK {
                assert!(!frame.payload.is_empty(), "an ACK without actions");
                acks.set(acks.get() + 1);
            }
        }
        // The next batch may be due.
        cx.waker().wake_by_ref();
    };
    let haproxy = Stream::new(read, write);
    let builder = Agent::builder().handlers(handlers![sync, ready, woken, inspect]);
    let builder = if observed {
        builder.observer(Idle)
    } else {
        builder
    };
    let agent = builder.build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let connection = agent.serve_connection(haproxy, Peer::Memory, pending());
    measure(|| runtime.block_on(connection)).count_total
}

/// The allocations for each NOTIFY, once a connection has what it needs.
fn each(message: &str, messages: usize) -> f64 {
    each_of(message, messages, false)
}

/// The allocations for each NOTIFY to an agent with or without an observer.
fn each_of(message: &str, messages: usize, observed: bool) -> f64 {
    let (short, long) = (10, 110);
    let count = |batches| allocations(message, messages, batches, observed);
    // The first conversation of a thread makes the thread's buffers.
    count(short);
    let more = count(long) - count(short);
    more as f64 / ((long - short) * PER_BATCH) as f64
}

#[test]
fn a_sync_handler_costs_no_allocation() {
    assert_eq!(each("sync", 1), 0.0);
    assert_eq!(each("sync", 3), 0.0);
}

#[test]
fn headers_cookies_and_a_verdict_cost_no_allocation() {
    assert_eq!(each("inspect", 1), 0.0);
    assert_eq!(each("inspect", 3), 0.0);
}

#[test]
fn an_async_handler_costs_the_box_of_its_future() {
    assert_eq!(each("ready", 1), 1.0);
    assert_eq!(each("ready", 3), 3.0);
}

#[test]
fn an_async_handler_that_waits_costs_no_more() {
    assert_eq!(each("woken", 1), 1.0);
    assert_eq!(each("woken", 3), 3.0);
}

#[test]
fn an_observer_costs_no_allocation_of_the_agents_own() {
    assert_eq!(each_of("sync", 1, true), 0.0);
    assert_eq!(each_of("sync", 3, true), 0.0);
    assert_eq!(each_of("ready", 1, true), 1.0);
}

//! What a NOTIFY costs between the socket and its ACK: nothing on the heap for a sync handler, the
//! box of its future for an async one.
//!
//! It counts the allocations of a whole conversation with an agent; the difference between a longer
//! and a shorter one is what the NOTIFYs cost.

use allocation_counter::measure;
use spoa::agent::Agent;
use spoa::handler::Peer;
use spoa::prelude::*;
use spoa::spop::{
    Capabilities, Flags, Frame, FrameIds, FrameType, HaproxyHello, NotifyWriter, Value,
};
use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::pin::Pin;
use std::task::Poll;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

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

/// A HAProxy that says HELLO, then sends the same batch of NOTIFYs again and again; it sends the next
/// when it has read as many ACKs.
struct Haproxy {
    hello: Option<Vec<u8>>,
    batch: Vec<u8>,
    batches: usize,
    expected: usize,
    acks: usize,
}

impl AsyncRead for Haproxy {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(hello) = self.hello.take() {
            into.put_slice(&hello);
        } else if self.acks < self.expected {
            return Poll::Pending;
        } else if self.batches > 0 {
            self.batches -= 1;
            self.expected += PER_BATCH;
            into.put_slice(&self.batch);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Haproxy {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut std::task::Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let mut rest = bytes;
        while let Some(frame) = Frame::split(&mut rest, 1 << 20).expect("an agent writes frames") {
            if frame.frame_type == FrameType::ACK {
                assert!(!frame.payload.is_empty(), "an ACK without actions");
                self.acks += 1;
            }
        }
        // The other end may have something to say to that.
        cx.waker().wake_by_ref();
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

const PER_BATCH: usize = 16;

/// The allocations of a conversation with so many batches of NOTIFYs.
fn allocations(message: &str, messages: usize, batches: usize) -> u64 {
    let mut payload = Vec::new();
    let ip = Value::Ipv4(Ipv4Addr::LOCALHOST);
    for _ in 0..messages {
        let args = [
            ("ip", ip),
            ("path", "/index.html".into()),
            ("port", Value::Int64(443)),
        ];
        NotifyWriter::new(&mut payload).message(message, &args);
    }
    let mut batch = Vec::new();
    for stream in 0..PER_BATCH as u64 {
        let ids = FrameIds {
            stream_id: 2 * stream + 1,
            frame_id: 1,
        };
        let frame_type = FrameType::NOTIFY;
        Frame {
            frame_type,
            flags: Flags::FIN,
            ids,
            payload: &payload,
        }
        .encode(&mut batch);
    }
    let mut hello = Vec::new();
    HaproxyHello {
        supported_versions: "2.0",
        max_frame_size: 16380,
        capabilities: Capabilities::parse("pipelining"),
        healthcheck: false,
        engine_id: Some("engine"),
    }
    .encode(&mut hello);
    let haproxy = Haproxy {
        hello: Some(hello),
        batch,
        batches,
        expected: 0,
        acks: 0,
    };
    let agent = Agent::builder()
        .handlers(handlers![sync, ready, woken])
        .build()
        .unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap();
    let connection = agent.serve_connection(haproxy, Peer::Memory, pending());
    measure(|| runtime.block_on(connection)).count_total
}

/// The allocations for each NOTIFY, once a connection has what it needs.
fn each(message: &str, messages: usize) -> f64 {
    let (short, long) = (10, 110);
    // The first conversation of a thread makes the thread's buffers.
    allocations(message, messages, short);
    let more = allocations(message, messages, long) - allocations(message, messages, short);
    more as f64 / ((long - short) * PER_BATCH) as f64
}

#[test]
fn a_sync_handler_costs_no_allocation() {
    assert_eq!(each("sync", 1), 0.0);
    assert_eq!(each("sync", 3), 0.0);
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

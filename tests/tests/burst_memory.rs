//! The memory of a burst is freed while its connection stays open.

use allocation_counter::measure;
use spoa::agent::Agent;
use spoa::handler::Peer;
use spoa::prelude::*;
use spoa::spop::Value;
use spoa_test_support::hello;
use std::future::pending;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Takes a turn, so that its message is kept meanwhile.
#[spoe_message("length", set = "sess.length")]
async fn length(text: &str) -> usize {
    tokio::task::yield_now().await;
    text.len()
}

#[spoe_message("echo", set = "sess.echo")]
fn echo(text: &str) -> &str {
    text
}

fn notify(stream_id: u64, message: &str, size: usize) -> Vec<u8> {
    let text = "x".repeat(size);
    let arguments = [("text", Value::from(text.as_str()))];
    spoa_test_support::notify(stream_id, &[(message, &arguments)])
}

/// Reads this many frames.
async fn read(io: &mut DuplexStream, frames: usize) {
    for _ in 0..frames {
        let mut rest = vec![0; io.read_u32().await.expect("a frame") as usize];
        io.read_exact(&mut rest).await.expect("all of it");
    }
}

async fn burst(io: &mut DuplexStream) {
    // Its first half is kept, then all of it, then a copy for the handler.
    let large = notify(1, "length", 1_000_000);
    for half in large.chunks(large.len() / 2 + 1) {
        io.write_all(half).await.expect("the agent reads");
        tokio::task::yield_now().await;
    }
    read(io, 1).await;
    // Its answer is more than the pipe takes.
    io.write_all(&notify(3, "echo", 1_000_000))
        .await
        .expect("the agent reads");
    read(io, 1).await;
    let many: Vec<u8> = (0..250)
        .flat_map(|id| notify(id, "length", 10_000))
        .collect();
    let (mut reader, mut writer) = tokio::io::split(io);
    let sent = async { writer.write_all(&many).await.expect("the agent reads") };
    let received = async {
        for _ in 0..250 {
            let size = reader.read_u32().await.expect("a frame");
            reader
                .read_exact(&mut vec![0; size as usize])
                .await
                .expect("all of it");
        }
    };
    tokio::join!(sent, received);
}

#[test]
fn the_memory_of_a_burst_is_freed() {
    let handlers = handlers![length, echo];
    let agent = Agent::builder()
        .handlers(handlers)
        .build()
        .expect("an agent");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .expect("a runtime");
    let (mut io, theirs) = tokio::io::duplex(64 << 10);
    let _connection = runtime.spawn(agent.serve_connection(theirs, Peer::Memory, pending()));
    runtime.block_on(async {
        io.write_all(&hello(1 << 20))
            .await
            .expect("the agent reads");
        read(&mut io, 1).await;
        io.write_all(&notify(1, "length", 10))
            .await
            .expect("the agent reads");
        read(&mut io, 1).await;
    });
    let memory = measure(|| runtime.block_on(burst(&mut io)));
    assert!(memory.bytes_max > 2_000_000, "{memory:?}");
    // A thread keeps up to 1 MiB of spare buffers for messages, and 256 KiB for answers.
    assert!(
        memory.bytes_current < (1 << 20) + (256 << 10) + 50_000,
        "{memory:?}"
    );
    // The next burst finds them: nothing more is kept.
    let again = measure(|| runtime.block_on(burst(&mut io)));
    assert!(again.bytes_current.abs() < 50_000, "{again:?}");
}

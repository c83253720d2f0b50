//! The loop of an agent with the crate spop, and a parser of headers, which the crate does not have.
//!
//! It uses spop's own codec in a `Framed`, and one `send` for each ACK, as the examples of spop do.

use anyhow::{Context, Result, anyhow};
use futures::{SinkExt, StreamExt};
use spop::{
    MAX_FRAME_SIZE_LIMIT, SpopCodec,
    frame::{FramePayload, FrameType, Message},
    frames::{Ack, AgentHello, FrameCapabilities, HaproxyHello},
};
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

pub mod block;

/// Serves on an address. The function adds its actions to the ACK of each message.
pub fn run<F: Fn(Ack, &Message) -> Ack + Send + Sync + 'static>(
    address: &str,
    answer: F,
) -> Result<()> {
    let answer = Arc::new(answer);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream, Arc::clone(&answer)));
        }
    })
}

async fn serve<F: Fn(Ack, &Message) -> Ack>(stream: TcpStream, answer: Arc<F>) -> Result<()> {
    let mut socket = Framed::new(stream, SpopCodec::default());
    while let Some(Ok(frame)) = socket.next().await {
        match frame.frame_type() {
            FrameType::HaproxyHello => {
                let hello = HaproxyHello::try_from(frame.payload())
                    .map_err(|_| anyhow!("invalid HELLO"))?;
                let version = hello.negotiate_version().context("no common version")?;
                let max_frame_size = hello
                    .negotiate_max_frame_size(MAX_FRAME_SIZE_LIMIT)
                    .map_err(|_| anyhow!("invalid frame size"))?;
                socket.codec_mut().set_max_frame_size(max_frame_size);
                let capabilities = vec![FrameCapabilities::Pipelining];
                let answer = AgentHello {
                    version,
                    max_frame_size,
                    capabilities,
                };
                socket.send(Box::new(answer)).await?;
                if hello.healthcheck.unwrap_or(false) {
                    return Ok(());
                }
            }
            FrameType::Notify => {
                if let FramePayload::ListOfMessages(messages) = &frame.payload() {
                    let metadata = frame.metadata();
                    let mut ack = Ack::new(metadata.stream_id, metadata.frame_id);
                    for message in *messages {
                        ack = answer(ack, message);
                    }
                    socket.send(Box::new(ack)).await?;
                }
            }
            _ => break,
        }
    }
    Ok(())
}

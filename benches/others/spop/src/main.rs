//! `spop-agent ADDRESS`: an agent with the crate spop, with the messages `get-ip-reputation` and `judge`.
//!
//! It uses spop's own codec in a `Framed`, and one `send` for each ACK, as the examples of spop do. The crate has no type
//! for headers, so a parser of the block is here.

use anyhow::{Context, Result, anyhow};
use futures::{SinkExt, StreamExt};
use spop::{
    MAX_FRAME_SIZE_LIMIT, SpopCodec, TypedData,
    actions::VarScope,
    frame::{FramePayload, FrameType, Message},
    frames::{Ack, AgentHello, FrameCapabilities, HaproxyHello},
};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::codec::Framed;

fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    let address = address.context("usage: spop-agent ADDRESS")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_io()
        .build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream));
        }
    })
}

async fn serve(stream: TcpStream) -> Result<()> {
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

fn answer(ack: Ack, message: &Message) -> Ack {
    if message.name == "judge" {
        let action = if allows(message) { "allow" } else { "deny" };
        return ack.set_var(VarScope::Transaction, "action", action.to_string());
    }
    let last = match message.get("ip") {
        Some(TypedData::IPv4(ip)) => ip.octets()[3],
        Some(TypedData::IPv6(ip)) => ip.octets()[15],
        _ => return ack,
    };
    ack.set_var(
        VarScope::Session,
        "ip_score",
        TypedData::UInt32(u32::from(last % 101)),
    )
}

/// Returns whether the twelve arguments of `judge` let a request pass.
fn allows(message: &Message) -> bool {
    let text = |name: &str| match message.get(name) {
        Some(TypedData::String(text)) => text.len(),
        _ => 0,
    };
    let text: usize = ["id", "method", "version", "path", "query", "host", "ua"]
        .into_iter()
        .map(text)
        .sum();
    let port = |name: &str| match message.get(name) {
        Some(TypedData::Int64(port)) => *port,
        _ => 0,
    };
    let tls = matches!(message.get("tls"), Some(TypedData::Bool(true)));
    let src = matches!(
        message.get("src"),
        Some(TypedData::IPv4(_) | TypedData::IPv6(_))
    );
    let Some(TypedData::Binary(block)) = message.get("headers") else {
        return false;
    };
    let known = cookie(block, b"session").is_some_and(|session| session.len() == 32);
    let dark = cookie(block, b"theme") == Some(b"dark");
    known && dark && src && text < 4096 && port("src_port") + port("dst_port") + i64::from(tls) > 0
}

/// Returns the value of a cookie from a block of headers as `req.hdrs_bin` encodes it.
fn cookie<'a>(mut block: &'a [u8], wanted: &[u8]) -> Option<&'a [u8]> {
    loop {
        let (name, rest) = string(block)?;
        let (value, rest) = string(rest)?;
        if name.is_empty() {
            return None;
        }
        if name == b"cookie" {
            for part in value.split(|byte| *byte == b';') {
                let part = part.trim_ascii();
                if let Some(value) = part
                    .strip_prefix(wanted)
                    .and_then(|part| part.strip_prefix(b"="))
                {
                    return Some(value);
                }
            }
        }
        block = rest;
    }
}

fn string(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (size, rest) = varint(bytes)?;
    rest.split_at_checked(size)
}

fn varint(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (first, mut rest) = bytes.split_first()?;
    let mut number = usize::from(*first);
    if number < 240 {
        return Some((number, rest));
    }
    let mut shift = 4;
    loop {
        let (byte, after) = rest.split_first()?;
        rest = after;
        number += usize::from(*byte) << shift;
        shift += 7;
        if *byte < 128 {
            return Some((number, rest));
        }
    }
}

//! The invariants of a whole agent: its connection, its dispatcher, handlers the macros made.
//!
//! It sees what HAProxy would see.

use super::{Input, MAX_REASSEMBLED, expected, frames};
use spoa::agent::Agent;
use spoa::handler::Peer;
use spoa::prelude::*;
use spoa::spop::{ActionIter, FrameType};
use spoa::spop::{Message, Value};
use std::future::pending;
use std::net::IpAddr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::runtime::{Builder, Runtime};

#[spoe_message("sync")]
fn sync(n: i64, text: Option<&str>, #[arg(index = 0)] first: Option<Value<'_>>) -> SetVar<String> {
    let text = text.unwrap_or("-");
    SetVar::session("sync", format!("{n} {text} {first:?}"))
}

#[spoe_message("ready")]
async fn ready(n: Option<i64>) -> SetVar<i64> {
    SetVar::session("ready", n.unwrap_or(-1))
}

/// Returns at the second poll, the third, the fourth.
#[spoe_message("slow")]
async fn slow(n: Option<u8>) -> SetVar<u8> {
    let n = n.unwrap_or_default();
    for _ in 0..=n % 3 {
        tokio::task::yield_now().await;
    }
    SetVar::session("slow", n)
}

#[spoe_message("error")]
fn error() -> Result<SetVar<u8>, String> {
    Err("no".to_owned())
}

/// Runs on another thread.
#[spoe_message("block", blocking)]
fn block(n: Option<u8>) -> Result<SetVar<u8>, String> {
    let n = n.unwrap_or_default();
    match n % 2 {
        0 => Ok(SetVar::session("block", n)),
        _ => Err("odd".to_owned()),
    }
}

/// Fails, and not at once.
#[spoe_message("late")]
async fn late() -> Result<SetVar<u8>, String> {
    tokio::task::yield_now().await;
    Err("no".to_owned())
}

/// Misses its deadline.
#[spoe_message("never", timeout = "1ms")]
async fn never() -> SetVar<u8> {
    std::future::pending().await
}

/// Returns more than a frame takes.
#[spoe_message("large")]
fn large() -> Vec<SetVar<String>> {
    (0..40)
        .map(|i| SetVar::session(format!("v{i}"), "x".repeat(100)))
        .collect()
}

/// Handles HAProxy's own message in the golden frames.
#[spoe_message("get-ip-reputation")]
fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
    SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
}

#[spoe_fallback]
async fn fallback(message: Message<'_>) -> SetVar<u64> {
    SetVar::transaction("args", message.len() as u64)
}

/// Longer than anything here takes, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(30);

fn agent() -> Agent {
    let handlers = handlers![
        sync,
        ready,
        slow,
        block,
        error,
        late,
        never,
        large,
        ip_reputation,
        fallback
    ];
    let builder = Agent::builder().handlers(handlers).limits(|limits| {
        limits.max_reassembled = MAX_REASSEMBLED;
        limits.max_in_flight = 3;
    });
    // The text of a failure is made and encoded, too.
    let builder =
        builder.on_failure(|failed| SetVar::transaction("failed", failed.failure().to_string()));
    builder.build().expect("these handlers make an agent")
}

fn runtime() -> Runtime {
    let built = Builder::new_current_thread().enable_time().build();
    built.expect("a runtime can be built")
}

thread_local! {
    static AGENT: (Runtime, Agent) = (runtime(), agent());
}

/// Checks an agent: exactly one ACK for each whole NOTIFY, with its ids; frames below the size agreed on,
/// whose actions can be read; one HELLO, one DISCONNECT, and nothing after that.
///
/// # Panics
/// If that does not hold.
pub fn in_process_agent(data: &[u8]) {
    let input = Input::new(data);
    let owed = expected(&input.bytes);
    let said = AGENT.with(|(runtime, agent)| {
        let count = usize::from(owed.hello) + owed.acks.len() + usize::from(owed.disconnect);
        let talk = async {
            let (ours, theirs) = tokio::io::duplex(1 << 14);
            let (_, said) = tokio::join!(
                agent.serve_connection(theirs, Peer::Memory, pending()),
                talk(&input, ours, &owed, count)
            );
            said
        };
        runtime.block_on(async { tokio::time::timeout(PATIENCE, talk).await })
    });
    let said = said.unwrap_or_else(|_| panic!("the agent owes an answer: {owed:?}"));

    let frames = frames(&said, 1 << 20);
    let mut ids = Vec::new();
    let (mut hellos, mut disconnects) = (0, 0);
    for frame in &frames {
        assert_eq!(disconnects, 0, "a frame after the DISCONNECT");
        match frame.frame_type {
            FrameType::AGENT_HELLO => hellos += 1,
            FrameType::AGENT_DISCONNECT => disconnects += 1,
            FrameType::ACK => {
                ids.push(frame.ids);
                let mut bytes = Vec::new();
                frame.encode(&mut bytes);
                assert!(bytes.len() - 4 < owed.limit as usize, "an ACK too large");
                assert!(ActionIter::new(frame.payload).all(|action| action.is_ok()));
            }
            other => panic!("an agent does not send {other}"),
        }
        assert!(frame.flags.fin());
    }
    assert_eq!(
        (hellos, disconnects),
        (usize::from(owed.hello), usize::from(owed.disconnect))
    );
    let mut awaited: Vec<_> = owed.acks.iter().map(|(ids, _)| *ids).collect();
    for ids in ids {
        let one = awaited.iter().position(|awaited| *awaited == ids);
        awaited.swap_remove(one.unwrap_or_else(|| panic!("nobody waits for {ids:?}")));
    }
    // Handlers that still run at the DISCONNECT are cancelled.
    assert!(
        owed.disconnect || awaited.is_empty(),
        "no ACK for {awaited:?}"
    );
}

/// Sends the input, reads what is owed, hangs up, and reads what there is besides.
async fn talk(
    input: &Input,
    stream: tokio::io::DuplexStream,
    owed: &super::Expected,
    count: usize,
) -> Vec<u8> {
    let (mut reader, mut writer) = tokio::io::split(stream);
    let send = async {
        for read in input.reads() {
            if writer.write_all(read).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
        writer
    };
    let receive = async {
        let (mut said, mut whole, mut begin) = (Vec::new(), 0, 0);
        let ends = owed.disconnect || owed.silent;
        while whole < count || owed.silent {
            if reader.read_buf(&mut said).await.unwrap_or(0) == 0 {
                break;
            }
            // A frame with its length in front.
            while let Some(prefix) = said.get(begin..).and_then(|rest| rest.first_chunk()) {
                let end = begin + 4 + u32::from_be_bytes(*prefix) as usize;
                if end > said.len() {
                    break;
                }
                whole += 1;
                let last = said[begin + 4] == FrameType::AGENT_DISCONNECT.code();
                begin = end;
                if last && ends {
                    return (reader, said);
                }
            }
        }
        (reader, said)
    };
    let (mut writer, (mut reader, mut said)) = tokio::join!(send, receive);
    // The agent may have closed already.
    let _ = writer.shutdown().await;
    while reader.read_buf(&mut said).await.unwrap_or(0) > 0 {}
    said
}

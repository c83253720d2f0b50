//! `spop-agent ADDRESS`: an agent with the crate spop, with the messages `get-ip-reputation` and `judge`.

use anyhow::{Context, Result};
use spop::{TypedData, actions::VarScope, frame::Message, frames::Ack};
use spop_agent::{block::cookie, run};

fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    run(&address.context("usage: spop-agent ADDRESS")?, answer)
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

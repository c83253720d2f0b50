//! `headers ADDRESS`: lets a request pass if two of its cookies have the right values.

use anyhow::{Context, Result};
use spop::{TypedData, actions::VarScope, frame::Message, frames::Ack};
use spop_agent::{block::cookie, run};

fn main() -> Result<()> {
    let address = std::env::args().nth(1);
    run(&address.context("usage: headers ADDRESS")?, answer)
}

fn answer(ack: Ack, message: &Message) -> Ack {
    let action = if allows(message) { "allow" } else { "deny" };
    ack.set_var(VarScope::Transaction, "action", action.to_string())
}

fn allows(message: &Message) -> bool {
    let Some(TypedData::Binary(block)) = message.get("headers") else {
        return false;
    };
    let known = cookie(block, b"session").is_some_and(|session| session.len() == 32);
    known && cookie(block, b"theme") == Some(b"dark")
}

//! An agent with a value that stays and two that are reloaded, from the files that its environment
//! names.

use spoa::State;
use spoa::prelude::*;
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::AsyncReadExt;

struct Started(AtomicU32);

struct Rules(String);

struct Limit(i64);

impl Limit {
    fn read(path: &str) -> Result<Limit, HandlerError> {
        match std::fs::read_to_string(path)?.trim() {
            "panic" => panic!("no such luck"),
            text => Ok(Limit(text.parse()?)),
        }
    }
}

/// Shows what holds now, and how often it was called.
#[spoe_message("show")]
fn show(
    State(started): State<'_, Started>,
    State(rules): State<'_, Rules>,
    State(limit): State<'_, Limit>,
) -> (SetVar<u32>, SetVar<String>, SetVar<i64>) {
    (
        SetVar::transaction("calls", started.0.fetch_add(1, Ordering::Relaxed)),
        SetVar::transaction("rules", rules.0.clone()),
        SetVar::transaction("limit", limit.0),
    )
}

/// Shows the rules when the peer at that address closes the connection.
#[spoe_message("gated", set = "txn.rules")]
async fn gated(gate: &str, State(rules): State<'_, Rules>) -> Result<String, HandlerError> {
    let mut gate = tokio::net::TcpStream::connect(gate).await?;
    let _ = gate.read(&mut [0]).await?;
    Ok(rules.0.clone())
}

fn main() {
    let rules = std::env::var("RULES").expect("the test names a file");
    let limit = std::env::var("LIMIT").expect("the test names a file");
    spoa::run!(
        listen = "127.0.0.1:0",
        state = Started(AtomicU32::new(0)),
        reload = Rules(tokio::fs::read_to_string(&rules).await?),
        reload = Limit::read(&limit)?,
    )
}

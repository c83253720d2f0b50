//! An agent with one handler of each kind, for the tests of what `run!` makes of a program.

use spoa::State;
use spoa::prelude::*;
use spoa::spop::Message;
use std::io::Read;
use std::net::{IpAddr, TcpStream};
use tokio::io::AsyncReadExt;

/// Scores an address.
#[spoe_message("score", event = "on-client-session")]
fn score(#[arg(sample = "src")] ip: IpAddr, penalty: Option<u8>) -> SetVar<u8> {
    let score = if ip.is_loopback() { 100 } else { 20 };
    SetVar::session("score", score - penalty.unwrap_or(0))
}

/// Sends back what came: a variable for each argument, `a0`, `a1` and so on for those without names.
#[spoe_message("echo")]
fn echo(message: Message<'_>) -> Actions {
    let mut actions = Actions::new();
    for (index, arg) in message.args().iter().enumerate() {
        let name = match arg.name.to_str() {
            Some(name) if !name.is_empty() => name.to_owned(),
            _ => format!("a{index}"),
        };
        actions.push(SetVar::transaction(name, arg.value));
    }
    actions
}

/// Shows its state.
#[spoe_message("greet", set = "req.greeting", group = "greetings")]
fn greet(State(greeting): State<'_, String>) -> String {
    greeting.clone()
}

/// Sets, and unsets.
#[spoe_message("move", event = "on-http-response", condition = "if { status 500 }")]
fn shift(#[arg(index = 1)] second: &str) -> (SetVar<String>, UnsetVar) {
    (
        SetVar::request("to", second.to_owned()),
        UnsetVar::request("from"),
    )
}

/// Returns an error.
#[spoe_message("refuse")]
fn refuse() -> Result<(), &'static str> {
    Err("the database is down")
}

/// Panics.
#[spoe_message("panic")]
fn panics() {
    panic!("no such luck");
}

/// Is never done.
#[spoe_message("never")]
async fn never() {
    std::future::pending().await
}

/// Waits until the peer at that address closes the connection.
#[spoe_message("gated", set = "txn.passed")]
async fn gated(gate: &str) -> Result<bool, HandlerError> {
    let mut gate = tokio::net::TcpStream::connect(gate).await?;
    Ok(gate.read(&mut [0]).await? == 0)
}

/// Blocks its thread until the peer at that address closes the connection.
#[spoe_message("stuck")]
fn stuck(gate: &str) -> Result<(), HandlerError> {
    TcpStream::connect(gate)?.read_exact(&mut [0])?;
    Ok(())
}

fn main() {
    spoa::run!(
        name = "fixture",
        listen = "127.0.0.1:0",
        state = {
            tokio::task::yield_now().await;
            format!("hello from {}", "the state".parse::<String>()?)
        },
    )
}

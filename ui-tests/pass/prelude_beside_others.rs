//! The prelude beside glob imports of crates that agents are written with, each with its own `Context`,
//! `State`, `Args`, `Value`, `Message`, `Agent`, `Error` or `Result`.

use anyhow::*;
use axum::*;
use clap::*;
use prost::*;
use serde_json::*;
use spoa::prelude::*;
use ureq::*;

mod anyhow {
    pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

    pub trait Context<T> {
        fn context(self, text: &str) -> Result<T>;
    }

    impl<T, E: std::error::Error> Context<T> for std::result::Result<T, E> {
        fn context(self, text: &str) -> Result<T> {
            self.map_err(|error| format!("{text}: {error}").into())
        }
    }
}

mod axum {
    pub struct State<T>(pub T);
    pub struct Request;
    pub struct Path<T>(pub T);
    pub struct Json<T>(pub T);
    pub trait FromRequest {}
    pub trait IntoResponse {}
}

mod clap {
    pub trait Args {}
    pub trait Parser {}
    pub trait ValueEnum {}
    pub struct Command;
}

mod serde_json {
    pub struct Value;
    pub struct Map;
    pub struct Error;
}

mod prost {
    pub trait Message {}
    pub struct DecodeError;
}

mod ureq {
    pub struct Agent;

    impl super::Message for Agent {}
}

#[derive(FromMessage)]
struct Login<'a> {
    user: &'a str,
    port: std::result::Result<u16, Mismatch>,
}

#[spoe_message("login")]
fn login(
    login: Login<'_>,
    spoa::State(most): spoa::State<'_, u16>,
    context: spoa::Context<'_>,
) -> anyhow::Result<SetVar<u16>> {
    let last: u16 = login.user.parse().context("the user is not a number")?;
    let port = login.port.map_or(*most, |port| port.min(*most));
    let _ = context.peer();
    Ok(SetVar::transaction("port", port.max(last)))
}

/// Names of the others that are not imported twice.
fn others(_: State<Json<Value>>, _: Agent, _: Path<Command>) -> std::result::Result<(), Error>
where
    Command: Sized,
{
    Ok(())
}

#[spoe_fallback]
fn unknown(message: spoa::spop::Message<'_>) -> Actions {
    Actions::from_iter([SetVar::transaction("unknown", message.name().to_string())])
}

fn main() {
    let _ = others(State(Json(Value)), Agent, Path(Command));
    let agent = spoa::Agent::builder()
        .handlers(handlers![login, unknown])
        .state(443u16)
        .build();
    assert!(agent.is_ok());
}

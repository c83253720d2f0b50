//! SPOE agents for HAProxy, as plain Rust functions.
//!
//! HAProxy's SPOE filter sends *messages* (the client's address, a path, headers, a body…) over the
//! binary protocol SPOP to an *agent*. The agent answers with *actions*, which set variables for HAProxy's
//! rules. With this crate, a function answers a message:
//!
//! ```no_run
//! use spoa::prelude::*;
//! use std::net::IpAddr;
//!
//! /// Scores a client address: 100 is safe, 0 is hostile.
//! #[spoe_message("get-ip-reputation")]
//! fn ip_reputation(ip: IpAddr) -> SetVar<u8> {
//!     SetVar::session("ip_score", if ip.is_loopback() { 100 } else { 20 })
//! }
//!
//! fn main() {
//!     spoa::run!()
//! }
//! ```
//!
//! `get-ip-reputation` is the message's name in spoe.conf, `ip` is the argument's name (`args ip=src`), and
//! HAProxy's rules read the variable as `var(sess.<prefix>.ip_score)`. The program has a command line: `--help`
//! lists its commands, `handlers` lists its messages, and `call get-ip-reputation ip=192.0.2.7` sends it a message
//! without HAProxy.
//!
//! # The parameters of a handler
//!
//! Every parameter is either an argument of the message, found by its name and converted by
//! [`FromValue`](handler::FromValue), or a value made from the whole message by
//! [`FromMessage`](handler::FromMessage):
//!
//! | type | gets |
//! |---|---|
//! | `bool`, `i8`…`i64`, `u8`…`u64`, `isize`, `usize` | any integer that fits; HAProxy sends them all as INT64 |
//! | `IpAddr`, `Ipv4Addr`, `Ipv6Addr` | an address, or text that reads as one, as `hdr()` gives it |
//! | [`Text`](handler::Text) | any text, such as one that a client chooses; U+FFFD replaces bytes that are not UTF-8 |
//! | `&str`, `String`, `Cow<str>` | text; borrowed from the frame where possible |
//! | `&[u8]`, `Vec<u8>`, `Bytes` | binary or text |
//! | `Option<T>` | `None` for NULL (HAProxy had no sample) and for an argument that is not there |
//! | `Result<T, Mismatch>` | what is wrong with an argument, instead of a rejected message |
//! | the types of `http`: `Headers`, `Cookies`, `Path`, `Query`, `Body`… | parts of a request or a response, from samples that they name themselves |
//! | [`Value`](spop::Value) | the value as received |
//! | [`Parse<T>`](handler::Parse) | text parsed by `FromStr` |
//! | your own type with `#[derive(FromValue)]` | the values that the type takes |
//! | [`Message`](spop::Message), [`Args`](spop::Args) | the message: name, number, by name, by index |
//! | [`Context`] | engine-id, stream-id, frame-id, peer, deadline |
//! | [`After`] | a way to run work after the answer has been sent |
//! | [`Transaction<'_, T>`](handler::Transaction) | keeps a value from one message of a request to the next |
//! | [`State<'_, T>`](handler::State) | the value given to the agent with `state`, or with `reload`, which SIGHUP loads again |
//!
//! If a message does not fit the parameters, its handler does not run, and the ACK has no actions of
//! that handler. The agent logs the [`Rejection`](handler::Rejection), with the message, the argument, the type
//! that was expected, the type that came, and the change in spoe.conf that fixes it.
//!
//! A client must not be able to make the agent reject a message, which would switch a check off. So if a client chooses
//! an argument (a path, a header, a body), the compiler requires a type that takes everything a client can send.
//! [`Text`](handler::Text), `&[u8]` and `Result<T, Mismatch>` are such types. `&str` is not, since a client can send
//! bytes that are not UTF-8. `#[arg(reject)]` allows a client to make the agent reject the message.
//!
//! # The result of a handler
//!
//! A handler returns any type that implements [`IntoActions`](handler::IntoActions): [`SetVar`](handler::SetVar),
//! [`UnsetVar`](handler::UnsetVar), [`Actions`](handler::Actions), `()`, arrays, `Vec`s, tuples and
//! `Option`s of those, `http::Verdict`, and `Result` with any error, which is logged:
//!
//! ```
//! use spoa::prelude::*;
//!
//! #[spoe_message("check-token")]
//! fn check_token(token: Option<&str>) -> Result<Vec<SetVar<u32>>, HandlerError> {
//!     let Some(token) = token else { return Ok(vec![]) };
//!     Ok(vec![SetVar::transaction("user_id", token.parse()?)])
//! }
//! ```
//!
//! # The order of messages and actions
//!
//! HAProxy sends the messages of one event, or of one group, in one NOTIFY, in the order of `messages` in
//! spoe.conf. Their handlers start in that order, and the ACK has their actions in that order, whichever handler
//! finishes first. The actions of one handler are in the order in which it returned them. HAProxy applies the
//! actions one after the other: if two set the same variable, the last one wins.
//!
//! # Without `run!`
//!
//! [`Agent::builder`](agent::Agent::builder) builds an agent through an ordinary API that returns
//! `Result`, for programs with their own `main` and for several agents in one process. Such a program sets up a
//! `tracing` subscriber itself; without one, the agent's log goes nowhere. The module [`agent`] has an
//! example. [`testing`] runs an agent and an engine in one process, [`client`] talks to any agent, and [`spop`] is
//! the protocol itself, without I/O.
//!
//! # Testing a handler
//!
//! A handler is still a function, so its test calls it and compares the result:
//!
//! ```
//! use spoa::prelude::*;
//!
//! #[spoe_message("check")]
//! fn check(path: Text<'_>) -> Actions {
//!     Actions::new().with(SetVar::transaction("blocked", path.as_bytes().starts_with(b"/admin")))
//! }
//!
//! // In a #[test]:
//! assert_eq!(check(Text::from("/admin")), Actions::new().with(SetVar::transaction("blocked", true)));
//! ```
//!
//! [`testing`] has the rest: the whole agent in memory, and the agent behind a real HAProxy.
//!
//! # Public dependencies
//!
//! Two crates are part of this API: [`bytes`](https://docs.rs/bytes), whose `Bytes` is an argument and a value,
//! and [`tokio`](https://docs.rs/tokio), whose streams and listeners an agent and a client accept. If this crate moves to
//! a new major version of either, it gets a new major version itself.
//!
//! # Features
//!
//! `http` (default): the module `http`, with headers, cookies, bodies and verdicts.
//!
//! `http-types`: conversions to types of the crate `http`, such as `Headers::to_map`.
//!
//! `json`: `http::Json`, a body read by serde.
//!
//! `form`: `http::QueryFields` and `http::FormFields`, a query and a form read by serde.
//!
//! `run` (default): [`run!`](crate::run!) with its log, its registry of handlers, and the commands `serve`,
//! `check`, `probe`, `handlers` and `call`.
//!
//! `log-json` (default): `--log-format json` of `run!`.
//!
//! `options`: your own options in addition to those of `run!`, by clap, a TOML file with options, and the commands
//! `completions` and `man`.
//!
//! `tools` (default): the commands `config`, `dev`, `doctor`, `docs` and `explain`, about HAProxy's side, and a warning
//! at the start about messages that a client can make too large for a frame. That check needs the tables of all
//! sample fetches, as `doctor` does. An agent in production works without `tools`, but then it cannot check HAProxy's
//! configuration: use `doctor` from a build with `tools`.
//!
//! ```toml
//! spoa = { package = "haproxy-spoa", version = "0.1", default-features = false, features = ["run"] }
//! ```
//!
//! `testing` and `client`: the modules of these names, for your tests and for tools. With `tools`, `testing` has
//! `HaProxy` as well, which runs a real HAProxy in front of the agent:
//!
//! ```toml
//! [dev-dependencies]
//! spoa = { package = "haproxy-spoa", version = "0.1", features = ["testing"] }
//! ```
//!
//! `admin`: the module `admin`, with metrics for Prometheus, health and a page, and the option `--admin` of `run!`.
//!
//! `tls`: `agent::Tls` for TCP sockets, and the options `--tls-…` of `run!`, by rustls and ring.

// docs.rs shows the feature that an item needs. It sets `docsrs`; a stable compiler has no such attribute.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "admin")]
pub mod admin;
pub mod agent;
#[cfg(feature = "client")]
pub mod client;
#[cfg(all(feature = "run", not(feature = "client")))]
#[allow(
    dead_code,
    unreachable_pub,
    unused_imports,
    reason = "`call` needs only a part"
)]
mod client;
#[cfg(feature = "run")]
mod description;
pub mod handler;
#[cfg(feature = "http")]
pub mod http;
#[cfg(any(feature = "run", feature = "client", feature = "admin"))]
mod json;
mod log_target;
#[macro_use]
mod macros;
#[cfg(feature = "run")]
mod registry;
#[cfg(feature = "run")]
pub mod run;
pub mod spop;
mod task;
#[cfg(feature = "testing")]
pub mod testing;
mod text;
#[cfg(any(feature = "run", feature = "testing"))]
mod unanswered;

/// The names that most handlers need, for `use spoa::prelude::*`.
///
/// It has no name that clashes with a well-known name of another common crate. `anyhow` and `eyre` have a `Context`,
/// axum has a `State`, clap has `Args`, serde_json has a `Value`, prost has a `Message`, and ureq has an `Agent`:
/// where a handler needs the type of this crate, import it or write its path, such as [`spoa::State`](crate::State).
///
/// ```
/// use anyhow::Context;
/// use spoa::prelude::*;
///
/// #[spoe_message("check-port", set = "txn.allowed")]
/// fn check_port(port: &str, context: spoa::Context<'_>) -> anyhow::Result<bool> {
///     let port: u16 = port.parse().with_context(|| format!("asked by {}", context.peer()))?;
///     Ok(port == 443)
/// }
/// ```
pub mod prelude {
    pub use crate::handler::{
        Actions, FromMessage, FromValue, HandlerError, IntoActions, Mismatch, Parse, SetVar, Text,
        Unset, UnsetVar,
    };
    pub use crate::{handlers, spoe_fallback, spoe_message};
    pub use spoa_macros::{FromMessage, FromValue, IntoActions};
}
pub use agent::Agent;
pub use handler::{After, Context, HandlerError, State, Transaction};
pub use spoa_macros::{FromMessage, FromValue, IntoActions, spoe_fallback, spoe_message};

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

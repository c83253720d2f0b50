//! The server: listens, speaks SPOP, runs the handlers, answers.
//!
//! # A `main` of one's own
//!
//! What goes wrong is said with [`tracing`], and without a subscriber it is said to nobody: `run!` has
//! one, other programs set up their own. Lines about messages whose handler gave no actions have the
//! target `spoa::failures`, those that show messages and answers `spoa::values`, at TRACE.
//!
//! ```no_run
//! use spoa::prelude::*;
//! use spoa::agent::Agent;
//! use std::process::ExitCode;
//!
//! #[spoe_message("ping")]
//! fn ping() {}
//!
//! async fn serve() -> Result<(), spoa::agent::Error> {
//!     let agent = Agent::builder()
//!         .handlers(handlers![ping])
//!         .listen("127.0.0.1:12345")
//!         .build()?;
//!     let for_ever = std::future::pending();
//!     agent.serve(for_ever).await
//! }
//!
//! #[tokio::main]
//! async fn main() -> ExitCode {
//!     tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//!     match serve().await {
//!         Ok(()) => ExitCode::SUCCESS,
//!         Err(error) => {
//!             eprintln!("error: {error}");
//!             ExitCode::FAILURE
//!         }
//!     }
//! }
//! ```
//!
//! The `Display` of an [`Error`] is the sentence that says what to do. A `main` that returns a `Result`
//! prints `Debug` instead, so this one prints its error itself.

mod builder;
mod connection;
mod dispatch;
mod error;
mod limits;
mod listen;
mod reload;
mod report;
mod server;
mod shared;
mod worker;

pub use builder::{Agent, AgentBuilder};
pub use error::Error;
pub use limits::Limits;
pub use listen::address::Address;
pub use listen::listener::Listener;
#[cfg(feature = "tls")]
pub use listen::tls::{Tls, TlsVersion};
pub use reload::{Reloaded, Reloader};
pub use report::panics::log_panics;
pub use server::Server;
pub use shared::failed_message::FailedMessage;

#[cfg(feature = "run")]
pub(crate) use builder::check;
#[cfg(feature = "run")]
pub(crate) use error::ErrorKind;
#[cfg(feature = "run")]
pub(crate) use listen::allow_list::network;
#[cfg(feature = "run")]
pub(crate) use listen::listener::{BindError, RAISE_DESCRIPTORS, descriptors_ran_out};
#[cfg(all(feature = "run", feature = "tls"))]
pub(crate) use listen::tls::TlsError;
#[cfg(feature = "run")]
pub(crate) use report::handlers::FAILURES;
#[cfg(feature = "run")]
pub(crate) use report::values::VALUES;
pub(crate) use shared::Shared;

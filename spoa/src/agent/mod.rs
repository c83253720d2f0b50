//! The server: listens, speaks SPOP, runs the handlers, answers.
//!
//! It does not know how the handlers were found: the registry is `run!`'s.
//!
//! # A `main` of one's own
//!
//! What goes wrong is said with [`tracing`], and without a subscriber it is said to nobody: `run!` has
//! one, other programs set up their own. Lines about messages whose handler gave no actions have the
//! target `spoa::failures`, those that show messages and answers `spoa::values`, at TRACE.
//!
//! ```no_run
//! use spoa::prelude::*;
//!
//! #[spoe_message("ping")]
//! fn ping() {}
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     tracing_subscriber::fmt().with_writer(std::io::stderr).init();
//!     let agent = Agent::builder()
//!         .handlers(handlers![ping])
//!         .listen("127.0.0.1:12345")
//!         .build()?;
//!     let for_ever = std::future::pending();
//!     Ok(agent.serve(for_ever).await?)
//! }
//! ```
//!
//! `main` prints the `Debug` of an error. That of [`BuildError`], [`BindError`] and [`ReloadError`] is
//! the sentence that says what to do, as `Display` is.

mod builder;
mod connection;
mod dispatch;
mod limits;
mod listen;
mod reload;
mod report;
mod server;
mod shared;
mod worker;

pub use builder::{Agent, AgentBuilder, BuildError};
pub use limits::Limits;
pub use listen::address::{Address, AddressError};
pub use listen::allow_list::NetworkError;
pub use listen::listener::{BindError, Listener};
#[cfg(feature = "tls")]
pub use listen::tls::{Tls, TlsError, TlsVersion};
pub use reload::{ReloadError, Reloaded, Reloader};
pub use report::panics::log_panics;
pub use server::Server;
pub use shared::FailedMessage;

#[cfg(feature = "run")]
pub(crate) use builder::check;
#[cfg(feature = "run")]
pub(crate) use listen::allow_list::network;
#[cfg(feature = "run")]
pub(crate) use listen::listener::{RAISE_DESCRIPTORS, descriptors_ran_out};
#[cfg(feature = "run")]
pub(crate) use report::values::VALUES;
#[cfg(feature = "run")]
pub(crate) use shared::FAILURES;
pub(crate) use shared::Shared;

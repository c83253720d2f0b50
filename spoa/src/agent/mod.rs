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

mod accept;
mod address;
mod allow;
mod builder;
mod connection;
mod deadlines;
mod dispatch;
mod farewell;
mod inflight;
mod io;
mod jobs;
mod lifetime;
mod limits;
mod listener;
mod load;
mod log;
mod panics;
mod reload;
mod report;
mod scratch;
mod server;
mod shared;
mod table;
mod timer;
#[cfg(feature = "tls")]
mod tls;
mod totals;
mod unix;
mod values;
mod wake;
mod watch;

pub use address::{Address, AddressError};
pub use allow::NetworkError;
pub use builder::{Agent, AgentBuilder, BuildError};
pub use limits::Limits;
pub use listener::{BindError, Listener};
pub use panics::log_panics;
pub use reload::{ReloadError, Reloaded, Reloader};
pub use server::Server;
pub use shared::Failed;
#[cfg(feature = "tls")]
pub use tls::{Tls, TlsError, TlsVersion};

#[cfg(feature = "cli")]
pub(crate) use allow::network;
#[cfg(feature = "cli")]
pub(crate) use builder::check;
#[cfg(feature = "cli")]
pub(crate) use listener::{RAISE_DESCRIPTORS, descriptors_ran_out};
#[cfg(feature = "cli")]
pub(crate) use shared::FAILURES;
pub(crate) use shared::Shared;
#[cfg(feature = "cli")]
pub(crate) use values::VALUES;

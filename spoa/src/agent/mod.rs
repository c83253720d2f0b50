//! The server: listens, speaks SPOP, runs the handlers, answers.
//!
//! It does not know how the handlers were found: the registry is `run!`'s.

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
pub(crate) mod panics;
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

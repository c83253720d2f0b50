//! The server: listens, speaks SPOP, runs the handlers, answers.
//!
//! It does not know how the handlers were found: the registry is `run!`'s.

mod address;
mod builder;
mod connection;
mod dispatch;
mod inflight;
mod limits;
mod listener;
mod report;
mod scratch;
mod server;
mod shared;
mod table;
mod timer;
mod wake;

pub use address::{Address, AddressError};
pub use builder::{Agent, AgentBuilder, BuildError};
pub use limits::Limits;
pub use listener::{BindError, Listener};
pub use server::Server;
pub use shared::Failed;

pub(crate) use shared::Shared;

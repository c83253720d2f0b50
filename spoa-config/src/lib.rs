//! The HAProxy side of an agent: `spoe.conf`, the backend, the rules.
//!
//! A configuration is text here, and an agent is plain data ([`Agent`]).

mod agent;
pub mod doctor;
mod overfull;
pub mod read;
mod variable;
mod verdict;
pub mod write;

use agent::UNREAD;
pub use agent::{ANSWERED, Agent, Argument, Message, Tls};
pub use overfull::overfull;
pub use spoa_facts::{Expected, Series, UnknownSeries};
pub use variable::{Presence, Variable};
pub use verdict::{Action, HeaderChange, HeaderRule, Outcome, Verdict};

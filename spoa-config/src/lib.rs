//! The HAProxy side of an agent: `spoe.conf`, the backend, the rules.
//!
//! It knows configuration as text and an agent as plain data ([`Agent`]). It must not know the
//! protocol, a runtime, or how handlers are registered.

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

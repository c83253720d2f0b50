//! What a handler may take and return, and how one is described to the agent.
//!
//! It knows messages and actions, not connections, sockets or tasks.

mod accepts;
mod actions;
mod context;
mod cursor;
mod default_sample;
mod definition;
mod failure;
mod fetch;
mod from_value;
pub(crate) mod guard;
mod param;
mod rejection;
mod sample;
mod state;
mod text;
mod variable;
mod verdict;

pub use accepts::Accepts;
pub use actions::{ActionWriter, Actions, IntoActions, SetVar, UnsetVar};
pub use context::{Context, Peer};
pub use default_sample::DefaultSample;
pub use definition::{ArgumentDescription, Definition, Description, Handler};
pub use failure::{BadVariable, BoxError, Failure, HandlerError, IntoHandlerError, Overload};
pub use from_value::{Expected, FromValue, Mismatch, Parse};
pub use param::{FromMessage, IncomingMessage};
pub use rejection::{Rejection, RejectionKind};
pub use state::State;
pub use text::Text;
pub use variable::{AsValue, Unset, Variable};

pub(crate) use actions::LeftOut;
pub(crate) use context::ConnectionInfo;
#[cfg(feature = "http")]
pub(crate) use default_sample::REQUEST as REQUEST_EVENTS;
pub(crate) use definition::{Finished, Job, JobFuture, Presence, Run};
pub(crate) use fetch::{Fetch, When};
pub(crate) use param::mark;
pub(crate) use state::States;

#[doc(hidden)]
pub mod __macros {
    //! What generated code names beyond the public API.
    pub use super::cursor::ArgCursor;
    pub use super::definition::{
        ArgumentDescription, Defined, Definition, Description, Finished, Handler, Job, JobFuture,
        Presence, Run, StateDescription, VariableDescription,
    };
    pub use super::param::{ArgSpec, ByMessage, ByValue, Param};
    pub use super::sample::{Client, Events, Flag, suits};
    pub use super::verdict::{
        HeaderChange, HeaderDescription, OutcomeDescription, VerdictDescription, VerdictVariables,
    };
    pub use spoa_facts::Kind;
}

//! Handlers: the types that they take and return, and their description for the agent.

mod accepts;
mod action_writer;
mod actions;
mod after;
mod after_work;
mod argument_spec;
mod context;
mod cursor;
mod default_sample;
mod definition;
mod description;
mod error_text;
mod expected;
pub(crate) mod failed_message;
mod failure;
mod from_message;
mod from_value;
pub(crate) mod guard;
mod handler_error;
mod incoming_message;
mod into_actions;
mod job;
mod left_out;
mod message_subject;
mod mismatch;
mod named_fetch;
pub(crate) mod owned;
pub(crate) mod panics;
mod param;
mod presence;
mod rejection;
mod sample_check;
mod set_var;
mod state;
mod success_variable;
mod text;
mod transaction;
mod transaction_store;
mod variable;
mod variable_name;
mod verdict;

pub use accepts::Accepts;
pub use action_writer::ActionWriter;
pub use actions::Actions;
pub use after::After;
pub use context::{Context, Peer};
pub use default_sample::DefaultSample;
pub use definition::{Definition, Handler};
pub use description::{ArgumentDescription, Description};
pub use expected::Expected;
pub use failure::{Failure, Overload};
pub use from_message::FromMessage;
pub use from_value::{FromValue, Parse};
pub use handler_error::{BoxError, HandlerError, IntoHandlerError};
pub use incoming_message::IncomingMessage;
pub use into_actions::IntoActions;
pub use mismatch::Mismatch;
pub use rejection::{Rejection, RejectionKind};
pub use set_var::{SetVar, UnsetVar};
pub use state::State;
pub use text::Text;
pub use transaction::Transaction;
pub use variable::{AsValue, Unset, Variable};
pub use variable_name::BadVariable;

pub(crate) use after_work::{AfterWorkQueue, AfterWorkQueues, WorkFuture};
pub(crate) use context::{AgentInfo, ConnectionInfo};
#[cfg(feature = "http")]
pub(crate) use default_sample::REQUEST as REQUEST_EVENTS;
pub(crate) use definition::Run;
pub(crate) use job::{Finished, Job, JobFuture};
pub(crate) use left_out::LeftOut;
pub(crate) use message_subject::MessageSubject;
pub(crate) use named_fetch::NamedFetch;
pub(crate) use presence::Presence;
pub(crate) use state::States;
pub(crate) use success_variable::set_success_variable;
pub(crate) use transaction_store::{TransactionLimits, TransactionStore};

#[doc(hidden)]
pub mod __macros {
    //! The names in generated code that are not in the public API.
    pub use super::argument_spec::ArgSpec;
    pub use super::cursor::ArgCursor;
    pub use super::definition::{Defined, Definition, Handler, Run};
    pub use super::description::{
        ArgumentDescription, Description, StateDescription, VariableDescription,
    };
    pub use super::failed_message::OnFailureUse;
    pub use super::job::{Finished, Job, JobFuture};
    pub use super::param::{ByMessage, ByValue, Param};
    pub use super::presence::Presence;
    pub use super::sample_check::{ClientValues, Events, Flag, suits};
    pub use super::verdict::{
        HeaderChange, HeaderDescription, OutcomeDescription, VerdictDescription, VerdictVariables,
    };
    pub use spoa_facts::Kind;
}

//! SPOE agents for HAProxy.
pub mod agent;
#[cfg(feature = "cli")]
mod cli;
pub mod handler;
pub mod spop;

/// What an agent's source needs.
pub mod prelude {
    pub use crate::agent::Agent;
    pub use crate::handler::{
        Actions, Context, FromMessage, FromValue, HandlerError, IntoActions, Parse, SetVar, State,
        ToValue, Unset, UnsetVar,
    };
    pub use crate::spop::{Args, Message, Scope, Value};
    pub use crate::{handlers, spoe_message};
}
pub use handler::HandlerError;
pub use spoa_macros::spoe_message;

#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

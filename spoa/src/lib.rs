//! SPOE agents for HAProxy.
pub mod handler;
pub mod spop;

/// What an agent's source needs.
pub mod prelude {
    pub use crate::handler::{
        Actions, Context, FromMessage, FromValue, HandlerError, IntoActions, Parse, SetVar, State,
        ToValue, Unset, UnsetVar,
    };
    pub use crate::spop::{Args, Message, Scope, Value};
}
pub use handler::HandlerError;
#[doc(hidden)]
pub mod __private {
    //! What generated code names.
    pub use crate::handler::__macros::*;
    pub use crate::handler::*;
    pub use crate::spop::{Scope, Value};
    pub use ::std;
    /// Adds a handler to the registry that `run!()` reads.
    #[cfg(feature = "cli")]
    pub use inventory;
    #[doc(hidden)]
    #[derive(Debug)]
    pub struct Registered(pub &'static Definition);
    #[cfg(feature = "cli")]
    inventory::collect!(Registered);
}

//! What generated code names, and nothing else may.
//!
//! It must not know how a registry is read: it only fills one.

pub use crate::handler::__macros::*;
pub use crate::handler::*;
pub use crate::spop::{Scope, Value};
pub use crate::{__register as register, handlers};
pub use std;
pub use std::boxed::Box;
pub use std::option::Option::{self, None, Some};
pub use std::result::Result::{self, Err, Ok};
pub use std::{concat, file, line, module_path, stringify};

#[cfg(feature = "cli")]
pub use crate::cli::{Configuring, ConfigureError, Program, run};
#[cfg(feature = "cli")]
pub use inventory;

/// A handler in the registry that `run!()` reads.
#[derive(Debug)]
pub struct Registered(pub &'static Definition);

#[cfg(feature = "cli")]
inventory::collect!(Registered);

/// Adds a handler to the registry.
#[cfg(feature = "cli")]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($handler:path) => {
        $crate::__private::inventory::submit! {
            $crate::__private::Registered(<$handler as $crate::__private::Handler>::DEFINITION)
        }
    };
}

/// Without `run!()` nobody reads a registry, so there is none.
#[cfg(not(feature = "cli"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __register {
    ($handler:path) => {};
}

/// The handlers of an agent, by the paths of their functions.
#[macro_export]
macro_rules! handlers {
    ($($handler:path),* $(,)?) => {
        [$(<$handler as $crate::__private::Handler>::DEFINITION),*]
    };
}

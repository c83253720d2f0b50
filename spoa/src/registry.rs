//! The registry: every handler that is linked into the program. The macros fill it, `run!()` reads it.

use crate::handler::Definition;

/// A handler in the registry.
#[derive(Debug)]
pub struct Registered(pub &'static Definition);

inventory::collect!(Registered);

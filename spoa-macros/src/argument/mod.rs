//! An argument of a message: a parameter of a handler, or a field of a struct of arguments.

mod attr;
mod check;
mod expand;
mod model;
mod param;
mod rejection;
mod sample;

pub(crate) use attr::{ArgAttribute, KNOWN};
pub(crate) use check::check;
pub(crate) use expand::{describe, events, take, variables};
pub(crate) use model::Argument;
pub(crate) use sample::bit;

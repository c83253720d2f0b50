//! Small questions about the user's syntax.

mod attributes;
mod case;
mod lifetimes;
mod print;
mod types;

pub(crate) use attributes::{conditions, docs, is_named};
pub(crate) use case::kebab;
pub(crate) use lifetimes::{erase, relax, timeless};
pub(crate) use print::shown;
pub(crate) use types::{
    find_self, find_static, has_type_arguments, inner, is_opaque, last_name, option, peel,
};

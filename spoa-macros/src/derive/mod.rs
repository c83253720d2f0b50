//! The derives: `FromMessage`, `FromValue` and `IntoActions`.

mod attr;
mod from_message;
mod from_value;
mod into_actions;
mod item;
mod other_derive;

pub(crate) use from_message::from_message;
pub(crate) use from_value::from_value;
pub(crate) use into_actions::into_actions;

//! One line of a proxy: its condition, and its effect.

mod condition;
mod effect;

pub(super) use condition::{Condition, Term, Test};
pub(super) use effect::{
    Change, End, Header, How, Mention, action, action_name, end, header, mentions, set_to,
};

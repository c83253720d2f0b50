//! The checks, one file for each topic.
//!
//! Each reads the case and adds what it finds. None knows of another.

mod answers;
mod arguments;
mod backend;
mod bodies;
mod errors;
mod frames;
mod groups;
mod messages;
mod order;
mod permission;
mod samples;
mod scopes;
mod sections;
mod timeouts;
mod variables;
mod wiring;

use super::{Case, Finding};

/// A check.
pub(super) type Check = fn(&Case<'_>, &mut Vec<Finding>);

/// All of them.
pub(super) const ALL: [Check; 16] = [
    sections::check,
    wiring::check,
    messages::check,
    groups::check,
    arguments::check,
    samples::check,
    variables::check,
    order::check,
    answers::check,
    scopes::check,
    timeouts::check,
    frames::check,
    bodies::check,
    backend::check,
    permission::check,
    errors::check,
];

/// Names as a sentence lists them: `a`, `b` and `c`.
fn list<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, "and")
}

/// The same for a choice: `a`, `b` or `c`.
fn either<T: AsRef<str>>(names: &[T]) -> String {
    joined(names, "or")
}

fn joined<T: AsRef<str>>(names: &[T], last_by: &str) -> String {
    let names: Vec<_> = names
        .iter()
        .map(|name| format!("`{}`", name.as_ref()))
        .collect();
    match names.split_last() {
        None => String::new(),
        Some((last, [])) => last.clone(),
        Some((last, others)) => format!("{} {last_by} {last}", others.join(", ")),
    }
}

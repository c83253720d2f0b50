//! The checks, one file for each topic.
//!
//! Each reads the case and adds its findings. Shared helpers are in `doctor`, or in the check that
//! they belong to.

mod answers;
mod arguments;
mod backend;
mod balance;
mod bodies;
mod choices;
mod clients;
mod conditions;
mod errors;
mod frames;
mod groups;
mod headers;
mod health;
mod instead;
mod keywords;
mod kinds;
mod ladders;
mod layers;
mod lists;
mod messages;
mod order;
mod overfull;
mod permission;
mod prefix;
mod references;
mod samples;
mod scopes;
mod sections;
mod sending;
mod tables;
mod texts;
mod timeouts;
mod twice;
mod unanswered;
mod variables;
mod verdicts;
mod wiring;
mod words;

use super::{Case, Finding};
use crate::read::Span;
use spoa_facts::all_of;

/// A check.
pub(super) type Check = fn(&Case<'_>, &mut Vec<Finding>);

/// All checks, in the order in which they run, which does not matter: findings are sorted.
pub(super) const ALL: &[Check] = &[
    sections::check,
    wiring::check,
    texts::check,
    keywords::check,
    words::check,
    twice::check,
    messages::check,
    groups::check,
    arguments::check,
    samples::check,
    kinds::check,
    prefix::check,
    variables::check,
    order::check,
    headers::check,
    verdicts::check,
    answers::check,
    scopes::check,
    timeouts::check,
    frames::check,
    bodies::check,
    overfull::check,
    lists::check,
    ladders::check,
    layers::check,
    backend::check,
    health::check,
    balance::check,
    references::check,
    tables::check,
    sending::check,
    clients::check,
    choices::check,
    permission::check,
    errors::check,
    unanswered::check,
    conditions::check,
];

/// The largest number of places or names that a finding shows.
const SHOWN: usize = 4;

/// Some names as a sentence lists them, each once.
fn some(names: impl Iterator<Item = String>) -> String {
    let mut different: Vec<String> = Vec::new();
    for name in names {
        if !different.contains(&name) {
            different.push(name);
        }
    }
    let left = different.len().saturating_sub(SHOWN);
    different.truncate(SHOWN);
    match left {
        0 => all_of(&different),
        _ => format!("{} and so on", all_of(&different)),
    }
}

/// A finding with further places of the same fault, and how many more there are.
fn listed_spans(mut finding: Finding, spans: impl ExactSizeIterator<Item = Span>) -> Finding {
    let left = spans.len().saturating_sub(SHOWN);
    for span in spans.take(SHOWN) {
        finding = finding.context(span, "here as well");
    }
    match left {
        0 => finding,
        left => finding.note(format!("and in {left} more places")),
    }
}

//! The checks, one file for each topic.
//!
//! Each reads the case and adds its findings. Shared helpers are in `doctor`, or in the check that
//! they belong to.

mod alternatives;
mod answers;
mod arguments;
mod backend;
mod balance;
mod bodies;
mod clients;
mod conditions;
mod duplicates;
mod errors;
mod filters;
mod frames;
mod groups;
mod header_lists;
mod headers;
mod health;
mod keywords;
mod late_verdicts;
mod messages;
mod order;
mod overfull;
mod permission;
mod prefix;
mod raw_data;
mod references;
mod samples;
mod scopes;
mod sections;
mod sending;
mod tables;
mod tcp_mode;
mod timeouts;
mod unanswered;
mod variable_options;
mod variable_types;
mod variables;
mod verdict_rules;
mod whole_files;
mod words;

use super::{Case, Finding};
use crate::read::Span;
use spoa_facts::all_of;

/// A check.
pub(super) type Check = fn(&Case<'_>, &mut Vec<Finding>);

/// All checks, in the order in which they run, which does not matter: findings are sorted.
pub(super) const ALL: &[Check] = &[
    sections::check,
    filters::check,
    whole_files::check,
    keywords::check,
    words::check,
    duplicates::check,
    messages::check,
    tcp_mode::check,
    groups::check,
    arguments::check,
    samples::check,
    variable_types::check,
    prefix::check,
    variables::check,
    order::check,
    headers::check,
    late_verdicts::check,
    answers::check,
    scopes::check,
    timeouts::check,
    frames::check,
    bodies::check,
    overfull::check,
    header_lists::check,
    verdict_rules::check,
    raw_data::check,
    backend::check,
    health::check,
    balance::check,
    references::check,
    tables::check,
    sending::check,
    clients::check,
    variable_options::check,
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

//! Definitions that HAProxy allows once, and that occur twice.

use super::super::engine::{Engine, listed, scope, sections};
use super::super::{Case, Code, Finding};
use crate::read::{Section, Word};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for filter in &case.configuration.filters {
        let file = filter.file.file();
        let Some(file) = file.and_then(|file| case.configuration.spoe.get(file)) else {
            continue;
        };
        let all: Vec<_> = sections(file, scope(filter)).collect();
        for (index, section) in all.iter().enumerate() {
            let before = all.get(..index).unwrap_or_default();
            findings.extend(of_section(section, before));
        }
    }
    for engine in &case.engines {
        for keyword in ["messages", "groups"] {
            let words: Vec<_> = engine.listed(keyword).collect();
            findings.extend(in_list(&words));
        }
        for group in engine.groups() {
            findings.extend(in_list(&listed(group, "messages").collect::<Vec<_>>()));
        }
        findings.extend(in_groups(engine));
    }
    engines(case, findings);
}

/// A section of the kind and name of one before it.
fn of_section(section: &Section, before: &[&Section]) -> Option<Finding> {
    let agent = section.kind() == "spoe-agent";
    // The name in one branch of a condition may be that in another.
    let first = before.iter().find(|other| {
        let named = section.name().is_some_and(|name| name.known);
        other.kind() == section.kind()
            && (agent || (named && other.title() == section.title()))
            && section.head.certain
            && other.head.certain
    })?;
    let title = if agent {
        "there are two sections `spoe-agent` in one scope".to_owned()
    } else {
        format!(
            "there are two sections `{} {}`",
            section.kind(),
            section.title()
        )
    };
    Some(
        Finding::new(Code::DefinedTwice, title, section.head.span())
            .label("HAProxy refuses the second one")
            .context(first.head.span(), "the first one")
            .help(if agent {
                "remove one of them, or give each a scope and a `filter spoe` of its own"
            } else {
                "remove one of them, or give it another name"
            }),
    )
}

/// A name that a list has twice.
fn in_list(words: &[&Word]) -> Option<Finding> {
    let (second, first) = words.iter().enumerate().find_map(|(index, word)| {
        let before = words.get(..index).unwrap_or_default();
        let first = before
            .iter()
            .find(|other| other.is(&word.text) && word.known);
        first.map(|first| (word, first))
    })?;
    let title = format!("`{}` is listed twice", second.text);
    Some(
        Finding::new(Code::DefinedTwice, title, second.span)
            .label("HAProxy refuses it here")
            .context(first.span, "listed here before")
            .help("remove it here"),
    )
}

/// A message that two groups list.
fn in_groups(engine: &Engine<'_>) -> Option<Finding> {
    let mut seen: Vec<(&Word, &Section)> = Vec::new();
    // HAProxy looks only into the groups that the agent lists.
    let groups = engine
        .groups()
        .filter(|group| engine.listed("groups").any(|word| word.is(group.title())));
    for group in groups {
        for word in listed(group, "messages").filter(|word| word.known) {
            let other = seen
                .iter()
                .find(|(other, of)| other.text == word.text && of.title() != group.title());
            if let Some((first, _)) = other {
                let title = format!("the message `{}` is in two groups", word.text);
                return Some(
                    Finding::new(Code::DefinedTwice, title, word.span)
                        .label("HAProxy allows a message in one group only")
                        .context(first.span, "in this group, too")
                        .help("remove it from one of the groups, and send the other one in place of both"),
                );
            }
            seen.push((word, group));
        }
    }
    None
}

/// An engine that two filters of one proxy name.
fn engines(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for (index, engine) in case.engines.iter().enumerate() {
        let before = case.engines.get(..index).unwrap_or_default();
        let known = |engine: &Engine<'_>| {
            let word = engine.filter.engine.as_ref();
            word.is_none_or(|word| word.known) && engine.filter.line.certain
        };
        let first = before.iter().find(|other| {
            other.filter.proxy == engine.filter.proxy
                && other.name() == engine.name()
                && known(other)
                && known(engine)
        });
        let Some(first) = first else {
            continue;
        };
        let title = format!("two filters name the engine `{}`", engine.name());
        findings.push(
            Finding::new(Code::DefinedTwice, title, engine.filter.line.span())
                .label("HAProxy refuses the second one in a proxy")
                .context(first.filter.line.span(), "the first one")
                .help("remove this line"),
        );
    }
}

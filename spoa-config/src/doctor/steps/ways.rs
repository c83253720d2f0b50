//! The ways of requests through a configuration: which frontends lead to which backends.

use super::super::engine::{Engine, GroupRule};
use super::super::grammar::RULES;
use super::super::rule::{Condition, mentions};
use super::Path;
use super::building::Building;
use crate::Agent;
use crate::read::{Configuration, Line, Section, Span};
use std::collections::BTreeMap;

/// All ways of requests that the names in a configuration tell.
pub(in super::super) fn paths<'a>(
    configuration: &'a Configuration,
    agent: &'a Agent,
    engines: &[Engine<'a>],
    rules: &'a [GroupRule<'a>],
) -> Vec<Path<'a>> {
    let mut ways = Vec::new();
    for (index, section) in configuration.sections.iter().enumerate() {
        if !matches!(section.kind(), "frontend" | "listen") {
            continue;
        }
        let mut backends = backends(configuration, index);
        // One that does nothing but to name servers stands for all that do so.
        let mut another = false;
        backends.retain(|backend| {
            !backend.is_some_and(|at| at != index && is_plain(configuration, at))
                || !std::mem::replace(&mut another, true)
        });
        ways.extend(backends.into_iter().map(|backend| (Some(index), backend)));
    }
    for (index, section) in configuration.sections.iter().enumerate() {
        if section.kind() == "backend"
            && !is_plain(configuration, index)
            && ways.iter().all(|(_, backend)| *backend != Some(index))
        {
            ways.push((None, Some(index)));
        }
    }
    let mut choices: BTreeMap<usize, Vec<(Span, Option<usize>)>> = BTreeMap::new();
    ways.into_iter()
        .map(|(frontend, backend)| {
            let choices = frontend.map(|at| {
                &*choices
                    .entry(at)
                    .or_insert_with(|| plain_choices(configuration, at))
            });
            let elsewhere = choices
                .into_iter()
                .flatten()
                .filter(|(_, leads)| *leads != backend)
                .map(|(span, _)| *span)
                .collect();
            let mut building = Building {
                configuration,
                agent,
                engines,
                rules,
                frontend,
                backend,
                elsewhere,
                at: 0,
                steps: Vec::new(),
            };
            building.build();
            Path {
                frontend,
                backend,
                steps: building.steps,
            }
        })
        .collect()
}

/// The backends that a frontend or a `listen` leads to; `None` for one that is not known. A backend leads to no other.
pub(in super::super) fn backends(
    configuration: &Configuration,
    frontend: usize,
) -> Vec<Option<usize>> {
    let kind = configuration.sections.get(frontend).map(Section::kind);
    if !matches!(kind, Some("frontend" | "listen")) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let default = default_backends(configuration, frontend);
    let rules = configuration.lines(frontend);
    let rules = rules.filter(|line| line.word(0) == "use_backend");
    for line in rules.chain(default.iter().copied()) {
        let name = line.words.get(1).filter(|word| word.known);
        let literal = name.filter(|name| !name.text.contains('%'));
        let backend = literal.and_then(|name| configuration.backend(&name.text));
        if !found.contains(&backend) {
            found.push(backend);
        }
    }
    if kind == Some("listen") && default.is_empty() && !found.contains(&Some(frontend)) {
        found.push(Some(frontend));
    } else if found.is_empty() {
        found.push(None);
    }
    found
}

/// Returns the lines `default_backend` that may count for a frontend: the last of its section, or else of its
/// `defaults`, and those after it that HAProxy may not read.
fn default_backends(configuration: &Configuration, frontend: usize) -> Vec<&Line> {
    let mut found = Vec::new();
    let mut next = Some(frontend);
    while let Some(section) = next.and_then(|at| configuration.sections.get(at)) {
        let lines = section.lines.iter().rev();
        for line in lines.filter(|line| line.word(0) == "default_backend") {
            found.push(line);
            if line.certain {
                return found;
            }
        }
        next = next.and_then(|at| configuration.defaults(at));
    }
    found
}

/// Returns the rules of a frontend that choose a backend by its name, and read no variable for it: where they
/// are, and where they lead.
fn plain_choices(configuration: &Configuration, frontend: usize) -> Vec<(Span, Option<usize>)> {
    let mut choices = Vec::new();
    let mut next = Some(frontend);
    while let Some(section) = next.and_then(|at| configuration.sections.get(at)) {
        for line in section.all(&["use_backend"]) {
            let name = line.words.get(1).filter(|word| word.known);
            let Some(name) = name.filter(|name| !name.text.contains('%')) else {
                continue;
            };
            let condition = Condition::of(line, section);
            let reads = condition.is_some_and(|condition| !condition.mentions().is_empty());
            if mentions(line).is_empty() && !reads {
                choices.push((line.span(), configuration.backend(&name.text)));
            }
        }
        next = next.and_then(|at| configuration.defaults(at));
    }
    choices
}

/// Returns whether a backend has no rules, no filters and no variables, nor its `defaults`.
fn is_plain(configuration: &Configuration, backend: usize) -> bool {
    const OTHERS: [&str; 3] = ["filter", "redirect", "use-server"];
    configuration.lines(backend).all(|line| {
        let option = ["http-buffer-request", "forwardfor"].contains(&line.word(1));
        match line.word(0) {
            "option" => !option,
            keyword => {
                let rule = RULES.contains(&keyword) || OTHERS.contains(&keyword);
                !rule && mentions(line).is_empty()
            }
        }
    })
}

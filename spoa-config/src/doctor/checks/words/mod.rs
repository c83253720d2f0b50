//! The words after the keywords of SPOE files, of their filters and of the rules that send groups.

mod agent;
mod condition;
mod message;
mod refused;
mod rule;

use crate::doctor::engine::{scope, sections};
use crate::doctor::{Case, Finding};
use crate::read::{Line, Scope, Section, Span, Word};
use agent::{of_agent, of_modifier};
use message::of_message;
use refused::{Refused, named};
use rule::{misspelt, of_filter, of_rule};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for filter in &case.configuration.filters {
        findings.extend(of_filter(&filter.line).map(Refused::finding));
        let file = filter.file.file();
        let Some(file) = file.and_then(|file| case.configuration.spoe.get(file)) else {
            continue;
        };
        let source = case.configuration.sources.get(file.source);
        for scope in &file.scopes {
            let text = source.map_or("", |source| source.text.as_str());
            findings.extend(of_scope(text, scope).map(Refused::finding));
        }
        for section in sections(file, scope(filter)) {
            let mut refused: Vec<_> = of_head(section).into_iter().collect();
            let mut acls = Vec::new();
            for line in &section.lines {
                if let Some(open) = open_quote(line) {
                    refused.extend(open);
                    continue;
                }
                refused.extend(match section.kind() {
                    "spoe-agent" => of_agent(case, line),
                    "spoe-message" => of_message(line, &mut acls),
                    _ => of_modifier(line),
                });
            }
            findings.extend(refused.into_iter().map(Refused::finding));
        }
    }
    for (proxy, section) in case.configuration.sections.iter().enumerate() {
        let http = case.mode(proxy) == Some("http");
        let acls = || {
            let lines = case.configuration.lines(proxy);
            let acls = lines.filter(|line| line.begins(&["acl"]));
            acls.map(|line| line.word(1)).collect::<Vec<_>>()
        };
        for line in &section.lines {
            findings.extend(of_rule(line, http, acls).map(Refused::finding));
            findings.extend(misspelt(line));
        }
    }
}

/// A quote that a line does not close. A sample expression has a finding of its own: nothing then.
fn open_quote(line: &Line) -> Option<Option<Refused>> {
    let quote = line.words.iter().find_map(|word| word.open_quote)?;
    let refused = || Refused {
        title: format!("a quote in `{}` is not closed", line.word(0)),
        span: quote,
        label: "HAProxy does not load the file".to_owned(),
        help: "close the quote at the end of the text, or remove this one".to_owned(),
    };
    Some((line.word(0) != "args").then(refused))
}

/// Finds words that HAProxy refuses in the line that begins a section.
fn of_head(section: &Section) -> Option<Refused> {
    let line = &section.head;
    let kind = section.kind();
    let Some(name) = section.name() else {
        let help = format!("write `{kind} NAME`");
        return Some(Refused::missing("a name", line, help));
    };
    named(name, &[':', '-']).or_else(|| Refused::extra(line, 2))
}

/// Checks the words after a scope in its line, and the characters of its name.
fn of_scope(source: &str, scope: &Scope) -> Option<Refused> {
    let name = Word {
        text: scope.name.clone(),
        span: scope.span,
        known: true,
        open_quote: None,
    };
    if let Some(refused) = named(&name, &[':', '-']) {
        return Some(refused);
    }
    let rest = source.get(scope.span.end..)?.split('\n').next()?;
    let rest = rest.strip_prefix(']')?.trim_end();
    let text = rest.trim_start();
    if text.is_empty() || text.starts_with('#') {
        return None;
    }
    let start = scope.span.end + 1 + rest.len() - text.len();
    Some(Refused {
        title: format!("nothing may follow the scope `[{}]`", scope.name),
        span: Span {
            start,
            end: start + text.len(),
            ..scope.span
        },
        label: "HAProxy refuses this".to_owned(),
        help: "remove it, or write it on a line of its own".to_owned(),
    })
}

//! Lines that should begin a section, and do not.

use super::super::grammar::RULES;
use super::super::{Case, Code, Finding, Severity};
use crate::read::{ENTERPRISE, Line, SECTIONS};
use spoa_facts::{nearest, one_of};

/// The sections that every configuration has, and so those whose names are misspelt.
const USUAL: [&str; 5] = ["global", "defaults", "frontend", "backend", "listen"];

/// The keywords of a proxy, besides those of rules, that a file of rules alone may begin with.
const OF_PROXIES: [&str; 10] = [
    "acl",
    "balance",
    "bind",
    "default_backend",
    "filter",
    "mode",
    "option",
    "server",
    "timeout",
    "use_backend",
];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let configuration = case.configuration;
    // The lines after it are of the section that it does not begin.
    findings.extend(configuration.stray.first().and_then(stray));
    let mut enterprise = configuration.sections.iter();
    let enterprise = enterprise.find(|section| ENTERPRISE.contains(&section.kind()));
    findings.extend(enterprise.and_then(|section| {
        let word = section.head.words.first()?;
        let title = format!(
            "`{}` begins a section of HAProxy Enterprise only",
            word.text
        );
        Some(
            Finding::new(Code::SectionUnknown, title, word.span)
                .severity(Severity::Note)
                .label("its lines are not checked")
                .help("if this HAProxy is another one, remove the section"),
        )
    }));
    for section in &configuration.sections {
        findings.extend(section.lines.iter().filter_map(misspelt));
    }
}

fn stray(line: &Line) -> Option<Finding> {
    let word = line.words.first().filter(|word| word.known)?;
    let title = format!("`{}` does not begin a section", word.text);
    let finding = Finding::new(Code::SectionUnknown, title, line.span())
        .label("HAProxy accepts no lines before the first section");
    let haproxys = SECTIONS
        .into_iter()
        .filter(|name| !name.starts_with("spoe-"));
    let first = word.text.as_str();
    if OF_PROXIES.contains(&first) || RULES.contains(&first) {
        return Some(finding.help(
            "write a line such as `frontend NAME` before it, or give the whole configuration",
        ));
    }
    Some(match nearest(&word.text, haproxys) {
        Some(near) => finding.help(format!("write `{near}`")),
        None => finding.help(format!(
            "a configuration of HAProxy begins with {}",
            one_of(USUAL)
        )),
    })
}

/// A line of a section that is one or two keystrokes away from the head of another.
fn misspelt(line: &Line) -> Option<Finding> {
    let word = line.words.first().filter(|word| word.known)?;
    let near = nearest(&word.text, USUAL)?;
    let title = format!("`{}` does not begin a section", word.text);
    Some(
        Finding::new(Code::SectionUnknown, title, word.span)
            .label("not a keyword of HAProxy")
            .help(format!("write `{near}`")),
    )
}

//! Files as a whole, and lines outside of their sections.

use super::super::{Case, Code, Finding};
use crate::read::{Line, Span, SpoeFile};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let spoe = &case.configuration.spoe;
    let read = |index: usize| {
        let mut filters = case.configuration.filters.iter();
        filters.any(|filter| filter.file.file() == Some(index))
    };
    for (source, text) in case.configuration.sources.iter().enumerate() {
        let mut files = spoe.iter();
        let of_spoe = files.position(|file| file.source == source);
        // HAProxy does not read a SPOE file that no filter names.
        if of_spoe.is_none_or(read) {
            findings.extend(newline(source, &text.text));
        }
    }
    for (index, file) in spoe.iter().enumerate() {
        if read(index) {
            outside(file, findings);
        }
    }
}

fn newline(source: usize, text: &str) -> Option<Finding> {
    let last = text.rsplit('\n').next().filter(|last| !last.is_empty())?;
    let start = text.len() - last.len();
    let indent = last.len() - last.trim_start().len();
    let start = if indent == last.len() {
        start
    } else {
        start + indent
    };
    let span = Span {
        source,
        start,
        end: text.len(),
    };
    Some(
        Finding::new(
            Code::NewlineMissing,
            "the last line has no newline at its end",
            span,
        )
        .label("HAProxy refuses the file as truncated")
        .help("end the file with a newline"),
    )
}

/// Lines that are below a scope or at the top of the file, and in no section.
fn outside(file: &SpoeFile, findings: &mut Vec<Finding>) {
    if let Some(line) = file.stray.first() {
        let title = format!("`{}` is in no section", line.word(0));
        findings.push(
            Finding::new(Code::LinesOfScope, title, line.span())
                .label("HAProxy accepts no lines before the first section")
                .help("move the line into its section, or remove it"),
        );
    }
    for scope in &file.scopes {
        let Some(line) = scope.lines.first() else {
            continue;
        };
        let title = format!(
            "`{}` comes after the scope `[{}]`, but before its first section",
            line.word(0),
            scope.name
        );
        let mut before = file
            .sections
            .iter()
            .filter(|section| section.head.span().start < scope.span.start);
        let label = match before.next_back() {
            None => "HAProxy accepts no lines before the first section".to_owned(),
            Some(section) => format!(
                "HAProxy adds it to `{}`, the section above the scope, or crashes",
                section
                    .head
                    .words
                    .iter()
                    .map(|word| word.text.as_str())
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
        };
        findings.push(
            Finding::new(Code::LinesOfScope, title, line.span())
                .label(label)
                .context(scope.span, "the scope")
                .help(wanted(line)),
        );
    }
}

fn wanted(line: &Line) -> String {
    let kind = match line.word(0) {
        "args" | "acl" | "event" => "spoe-message",
        _ => "spoe-agent",
    };
    format!("move the line into the section `{kind}` that it belongs to")
}

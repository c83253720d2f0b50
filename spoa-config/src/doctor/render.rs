//! Findings as people read them, in the manner of rustc.

use super::{Finding, Severity};
use crate::read::Sources;
use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

/// Findings as text, with colours if that is for a terminal. Ends in a line that counts them, and is
/// empty without findings.
#[must_use]
pub fn render(findings: &[Finding], sources: &Sources, colours: bool) -> String {
    let renderer = if colours {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let mut text = String::new();
    for finding in findings {
        text.push_str(&renderer.render(&[group(finding, sources)]));
        text.push_str("\n\n");
    }
    if !findings.is_empty() {
        text.push_str(&count(findings));
    }
    text
}

fn group<'f>(finding: &'f Finding, sources: &'f Sources) -> Group<'f> {
    let level = match finding.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let mut group = Group::with_title(level.primary_title(&*finding.title).id(finding.code.name()));
    let mut files = vec![finding.primary.span.source];
    for label in &finding.context {
        if !files.contains(&label.span.source) {
            files.push(label.span.source);
        }
    }
    for file in files {
        let Some(source) = sources.get(file) else {
            continue;
        };
        let labels = std::iter::once((AnnotationKind::Primary, &finding.primary)).chain(
            finding
                .context
                .iter()
                .map(|label| (AnnotationKind::Context, label)),
        );
        let mut snippet =
            Snippet::source(&*source.text).path(source.path.to_string_lossy().into_owned());
        for (kind, label) in labels.filter(|(_, label)| label.span.source == file) {
            let annotation = kind.span(label.span.start..label.span.end);
            let text = (!label.text.is_empty()).then_some(&*label.text);
            snippet = snippet.annotation(annotation.label(text));
        }
        group = group.element(snippet);
    }
    for note in &finding.notes {
        group = group.element(Level::NOTE.message(&**note));
    }
    for help in &finding.help {
        group = group.element(Level::HELP.message(&**help));
    }
    group
}

/// `2 errors, 1 warning; `doctor --explain SPOA010`.
fn count(findings: &[Finding]) -> String {
    let mut counts = Vec::new();
    for severity in [Severity::Error, Severity::Warning, Severity::Note] {
        let count = findings.iter().filter(|one| one.severity == severity);
        match count.count() {
            0 => {}
            1 => counts.push(format!("1 {}", severity.name())),
            several => counts.push(format!("{several} {}s", severity.name())),
        }
    }
    let counts = counts.join(", ");
    // The first of the worst.
    let worst = findings.iter().rev().max_by_key(|finding| finding.severity);
    let example = worst.map_or("", |finding| finding.code.name());
    format!("{counts}. For more about a code, run `doctor --explain {example}`.\n")
}

//! The help for an argument that is not there yet when its message is sent.

use super::super::Case;
use super::super::engine::event;
use super::super::steps::Step;
use super::arguments::GivenArgument;
use crate::read::{Section, Span};
use spoa_facts::{Expression, Proxy};

/// Returns the help for an argument that comes too early: to write the expression itself, if it can
/// be had, else the message in a group.
pub(super) fn instead(
    case: &Case<'_>,
    reads: &Step<'_>,
    expression: Option<&str>,
    span: Span,
) -> String {
    let there = expression.filter(|text| {
        let plain = !text.contains([' ', '"', '\'', '\\', '#', '$']) && !text.contains("var(");
        plain
            && reads
                .message
                .is_some_and(|sent| can_be_had(case, reads, sent.section, text))
    });
    let whole = reads.message.and_then(|sent| {
        let given = GivenArgument::all(sent.section);
        let given = given.into_iter().find(|given| {
            given.word.span.source == span.source
                && (given.word.span.start..given.word.span.end).contains(&span.start)
        })?;
        Some((given.name.map(str::to_owned), given.sample().to_owned()))
    });
    match (there, whole) {
        // Only where nothing else is made of it.
        (Some(text), Some((name, sample))) if !sample.contains("),") => {
            let name = name.map_or(String::new(), |name| format!("{name}="));
            format!("write `{name}{text}`")
        }
        _ => {
            let engine = reads.message.and_then(|sent| case.engines.get(sent.engine));
            format!(
                "send `{}` by a group, with `send-spoe-group {} GROUP` below that rule",
                reads.message_name(),
                engine.map_or("ENGINE", |engine| engine.name())
            )
        }
    }
}

/// Returns whether a sample is available where a message is sent.
fn can_be_had(case: &Case<'_>, reads: &Step<'_>, section: &Section, text: &str) -> bool {
    let Ok(expression) = Expression::parse(text) else {
        return false;
    };
    let sample = match case.series {
        Some(series) => expression.check(series),
        None => expression.check_any(),
    };
    let event = event(section).and_then(|event| event.text.parse().ok());
    let kind = case
        .configuration
        .sections
        .get(reads.proxy)
        .map(Section::kind);
    let proxy = match kind {
        Some("backend") => Proxy::Backend,
        Some("listen") => Proxy::Listen,
        _ => Proxy::Frontend,
    };
    match (sample, event) {
        (Ok(sample), Some(event)) => sample.at_in(event, proxy),
        _ => false,
    }
}

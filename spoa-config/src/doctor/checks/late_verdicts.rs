//! Rules that test the verdict on a request when the server already has the request.

use super::super::rule::End;
use super::super::steps::Phase;
use super::super::{Case, Code, Finding, Severity};
use crate::read::Span;

/// Finds responses that are denied only by the agent's answer to the request.
pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let steps = || case.paths.iter().flat_map(|path| &path.steps);
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        for step in &path.steps {
            if !matches!(step.phase, Phase::ResponseRules | Phase::ResponseContent)
                || step.end != End::All
                || said.contains(&step.line.span())
            {
                continue;
            }
            let Some(condition) = &step.condition else {
                continue;
            };
            let mut tests = condition.terms().flat_map(|term| &term.tests);
            let (Some(first), None) = (tests.next(), tests.next()) else {
                continue;
            };
            let named = condition.terms().any(|term| term.tests.is_empty());
            let Some(variable) = first.variable().filter(|_| !named) else {
                continue;
            };
            // It is a verdict of a request that nothing else reads.
            let mut setters = path.setters(variable).peekable();
            let of_agent = setters
                .peek()
                .is_some_and(|step| step.answers.iter().any(|it| it == variable));
            let of_request = setters.all(|step| !step.phase.of_response()) && of_agent;
            let own = case.is_own(variable);
            let read = steps().any(|other| {
                !std::ptr::eq(other.line, step.line)
                    && other.reads().any(|mention| mention.variable == variable)
            });
            if !of_request || own || read {
                continue;
            }
            said.push(step.line.span());
            let Some(sets) = path.setters(variable).next() else {
                continue;
            };
            let title = format!("the server already has the request when `{variable}` is read");
            let word = condition
                .terms()
                .next()
                .map_or(step.line.span(), |term| term.word.span);
            let span = if std::ptr::eq(first.line, step.line) {
                first.expression.span
            } else {
                word
            };
            findings.push(
                Finding::new(Code::VerdictElsewhere, title, span)
                    .severity(Severity::Warning)
                    .label("denies the response, not the request")
                    .context(sets.line.span(), "the agent sets it with the request")
                    .help("write the rule as `http-request`, after the message is sent"),
            );
        }
    }
}

//! Rules that overwrite the agent's answer, and tests that cannot fail because a rule presets it.

use super::super::rule::{Condition, How, Test, action};
use super::super::steps::{Path, Step};
use super::super::{Case, Code, Finding, Severity};
use crate::read::Span;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        for step in &path.steps {
            let Some((variable, span)) = sets_for_all(step) else {
                continue;
            };
            if said.contains(&span) {
                continue;
            }
            let found = overwrites(case, path, step, variable, span)
                .or_else(|| presets(case, path, step, variable, span));
            if let Some(finding) = found {
                said.push(span);
                findings.push(finding);
            }
        }
    }
}

/// Returns the variable that a rule sets whatever it was before, for all requests, and to something that has
/// nothing to do with other variables.
fn sets_for_all<'s>(step: &'s Step<'_>) -> Option<(&'s str, Span)> {
    let word = action(step.line).first()?;
    let keeps = word.text.contains(',');
    if step.message.is_some() || !step.always() || keeps {
        return None;
    }
    let (first, others) = step.mentions.split_first()?;
    let sets = first.how == How::Set && first.span.start < word.span.end;
    (sets && others.is_empty()).then_some((first.variable.as_str(), first.span))
}

/// Returns whether an answer at this step sets a variable, certainly or possibly.
fn answers(case: &Case<'_>, step: &Step<'_>, variable: &str) -> bool {
    step.answers.iter().any(|name| name == variable) || case.may_set(step, variable)
}

/// A rule that sets the agent's variable after the answer, before anything has read it.
fn overwrites(
    case: &Case<'_>,
    path: &Path<'_>,
    step: &Step<'_>,
    variable: &str,
    span: Span,
) -> Option<Finding> {
    let own = case.is_own(variable);
    let answer = path
        .before(step.at)
        .filter(|other| other.answers.iter().any(|name| name == variable))
        .last()?;
    let again = path
        .after(step.at)
        .any(|other| answers(case, other, variable));
    let read = path
        .after(answer.at)
        .take_while(|other| other.at < step.at)
        .any(|other| other.reads().any(|mention| mention.variable == variable));
    // Another proxy may set it for its own requests on purpose.
    let elsewhere = answer.proxy != step.proxy;
    if own || again || read || elsewhere {
        return None;
    }
    let title = format!("`{variable}` is overwritten before anything reads the agent's answer");
    Some(
        Finding::new(Code::AnswerOverwritten, title, span)
            .severity(Severity::Error)
            .label("has this value for all requests from here on")
            .context(answer.line.span(), "the agent's answer comes here")
            .help(format!(
                "write `unless {{ var({variable}) -m found }}` after it, or remove it"
            )),
    )
}

/// Finds a rule that sets the agent's variable before the answer, where a test asks whether it is set.
fn presets(
    case: &Case<'_>,
    path: &Path<'_>,
    step: &Step<'_>,
    variable: &str,
    span: Span,
) -> Option<Finding> {
    let answer = path
        .after(step.at)
        .find(|other| other.answers.iter().any(|name| name == variable))?;
    let unset = path.after(step.at).any(|other| {
        let mut mentions = other.mentions.iter();
        mentions.any(|mention| mention.how == How::Unset && mention.variable == variable)
    });
    let before = path
        .before(step.at)
        .any(|other| answers(case, other, variable));
    let asks = |test: &&Test<'_>| test.asks_whether_found() && test.variable() == Some(variable);
    let (rule, test) = path.after(answer.at).find_map(|other| {
        let terms = other.condition.iter().flat_map(Condition::terms);
        let mut tests = terms.flat_map(|term| &term.tests);
        Some((other, *tests.find(asks)?))
    })?;
    if unset || before {
        return None;
    }
    let engine = answer
        .message
        .and_then(|sent| case.engines.get(sent.engine))?;
    let error = engine
        .option("set-on-error")
        .and_then(|line| line.words.get(2));
    let error = error.map(|word| engine.variable("txn", &word.text));
    let title = format!("`{variable}` is always found: a rule sets it before the agent is asked");
    let finding = Finding::new(Code::AnswerOverwritten, title, span)
        .label("found from here on, with or without an answer")
        .context(answer.line.span(), "the agent is asked here");
    let finding = if std::ptr::eq(test.line, rule.line) {
        finding.context(test.expression.span, "this test is always true")
    } else {
        finding
            .context(test.expression.span, "this test is always true")
            .context(rule.line.span(), "the rule that depends on it")
    };
    Some(match error {
        Some(error) => finding.help(format!(
            "to test for a missing answer, write `{{ var({error}) -m found }}`"
        )),
        None => finding.help(
            "write `option set-on-error error` in the agent's section, and test that variable instead",
        ),
    })
}

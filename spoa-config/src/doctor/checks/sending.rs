//! Messages that are never sent, because nothing comes to the rule that sends them, and messages that
//! are sent twice for one request.

use super::super::rule::{Condition, End, How, Term};
use super::super::steps::{Path, Step};
use super::super::{Case, Code, Finding};
use crate::read::Span;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        for step in path.steps.iter().filter(|step| step.message.is_some()) {
            let Some(finding) = never(case, path, step).or_else(|| twice(case, path, step)) else {
                continue;
            };
            if !said.contains(&finding.primary.span) {
                said.push(finding.primary.span);
                findings.push(finding);
            }
        }
    }
}

/// A group that is sent after a rule that ends all.
fn never(case: &Case<'_>, path: &Path<'_>, step: &Step<'_>) -> Option<Finding> {
    let sent = step.message.filter(|sent| sent.by_rule)?;
    let mut before = path
        .before(step.at)
        .filter(|other| other.proxy == step.proxy && other.phase == step.phase && other.always());
    let end = before.find(|other| other.end != End::None)?;
    // Another proxy is another case, but `defaults` is not another proxy.
    let rule = case
        .rules
        .iter()
        .find(|rule| std::ptr::eq(rule.line, step.line))?;
    let title = format!("the group `{}` is never sent", rule.group.text);
    let line: Vec<_> = end
        .line
        .words
        .iter()
        .map(|word| word.text.as_str())
        .collect();
    let line = line.get(..line.len().min(2)).unwrap_or_default().join(" ");
    Some(
        Finding::new(Code::GroupNeverSent, title, step.line.span())
            .label(format!(
                "no request reaches this rule, so `{}` is not sent",
                sent.section.title()
            ))
            .context(end.line.span(), "ends the rules for all requests")
            .help(format!("move it above `{line}`")),
    )
}

/// A message that an earlier step has sent already, wherever this one sends it.
fn twice(case: &Case<'_>, path: &Path<'_>, step: &Step<'_>) -> Option<Finding> {
    let sent = step.message?;
    let first = path.before(step.at).find(|other| {
        let same = other
            .message
            .is_some_and(|it| std::ptr::eq(it.section, sent.section));
        same && other.phase.of_response() == step.phase.of_response() && together(other, step)
    })?;
    // With an answer in its arguments, or with what is set between the two, it is another question.
    let reads: Vec<_> = step
        .reads()
        .map(|mention| mention.variable.as_str())
        .collect();
    let changes = |other: &Step<'_>| {
        let set = other
            .mentions
            .iter()
            .filter(|mention| matches!(mention.how, How::Set | How::Unset))
            .map(|mention| &mention.variable);
        let mut set = set.chain(&other.answers);
        set.any(|name| reads.contains(&name.as_str())) || other.header.is_some()
    };
    let mut between = path.steps.iter();
    if between.any(|other| (first.at..step.at).contains(&other.at) && changes(other)) {
        return None;
    }
    let name = sent.section.title();
    let title = format!("the message `{name}` is sent twice");
    let before = first.message?;
    let group = |step: &Step<'_>| {
        let mut rules = case.rules.iter();
        let rule = rules.find(|rule| std::ptr::eq(rule.line, step.line));
        rule.map(|rule| &rule.group.text)
    };
    // HAProxy refuses one engine twice in a proxy, and one message in two groups.
    let engine_twice = before.engine != sent.engine && first.proxy == step.proxy;
    let two_groups = group(first).is_some_and(|it| group(step).is_some_and(|other| it != other));
    if engine_twice || two_groups {
        return None;
    }
    if before.engine != sent.engine {
        let filter = |engine: usize| case.engines.get(engine).map(|it| it.filter.line.span());
        return Some(
            Finding::new(Code::SentTwice, title, filter(sent.engine)?)
                .label("sends it for the same request")
                .context(filter(before.engine)?, "sends it, too")
                .help("remove one of the two filters, and the rules that send its groups"),
        );
    }
    let finding = Finding::new(Code::SentTwice, title, step.line.span());
    Some(if before.by_rule {
        finding
            .label("the agent is asked again, and its first answer is replaced")
            .context(first.line.span(), "sent here already")
            .help("remove one of the two rules")
    } else {
        finding
            .label("the agent is asked again, and its first answer is replaced")
            .context(first.line.span(), "sent at this event already")
            .help(format!(
                "remove `{name}` from the `messages` of the agent, or this rule and its group"
            ))
    })
}

/// Returns whether two steps are applied to the same requests: those with the same condition, or all for which
/// an agent is up.
fn together(one: &Step<'_>, other: &Step<'_>) -> bool {
    fn text(condition: &Condition<'_>) -> Vec<String> {
        let tests = |term: &Term<'_>| {
            let tests = term.tests.iter().map(|test| {
                let words = test.flags.iter().chain(test.patterns);
                let words: Vec<_> = words.map(|word| word.text.as_str()).collect();
                format!("{} {}", test.expression.text, words.join(" "))
            });
            let name = term.name.unwrap_or_default();
            format!(
                "{}{name}[{}]",
                term.negated,
                tests.collect::<Vec<_>>().join("|")
            )
        };
        let mut texts = vec![condition.word.text.clone()];
        for terms in &condition.alternatives {
            texts.extend(terms.iter().map(tests));
            texts.push("or".to_owned());
        }
        texts
    }
    let certain = one.line.certain && other.line.certain;
    certain
        && match (wanted(one), wanted(other)) {
            (None, None) => true,
            (Some(one), Some(other)) => text(one) == text(other),
            _ => false,
        }
}

/// Returns the condition of a step, unless it asks only whether an agent is up.
fn wanted<'s, 'a>(step: &'s Step<'a>) -> Option<&'s Condition<'a>> {
    step.condition.as_ref().filter(|condition| {
        let is_guard = |term: &Term<'_>| {
            let mut tests = term.tests.iter();
            !term.tests.is_empty() && tests.all(|test| test.expression.text.starts_with("nbsrv("))
        };
        !(condition.word.text == "if" && condition.terms().all(is_guard))
    })
}

//! The rules that enforce verdicts: whether each outcome has a rule, and whether each rule is reached.
//!
//! Each rule is tried with each outcome that a handler declares. The other tests of a rule may
//! hold or not, so a rule that may match counts as one that enforces it. It does not depend on how `config`
//! writes such rules: those of others that do the same are as good.

use super::super::engine::Engine;
use super::super::rule::{Condition, End, How, Test, action_name};
use super::super::steps::{Path, Phase, Step};
use super::super::variables::{loads_lua, of_agent};
use super::super::{Case, Code, Finding};
use super::prefix::broken;
use crate::read::{Section, Span, Word};
use crate::{Outcome, Verdict};
use spoa_facts::all_of;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    // Scripts may enforce what no rule does.
    if loads_lua(case.configuration) {
        return;
    }
    for (index, engine) in case.engines.iter().enumerate() {
        if !engine.ours {
            continue;
        }
        for message in engine.messages() {
            let verdicts = case.handler(message.title()).map(|it| &it.verdicts);
            for verdict in verdicts.into_iter().flatten() {
                let verdict = VerdictInRules::new(engine, index, message, verdict);
                if !verdict.is_told_elsewhere(case, engine) {
                    findings.extend(verdict.missing(case));
                    findings.extend(verdict.shadowed(case));
                }
            }
        }
    }
}

/// A verdict, and the names of its variables in rules.
struct VerdictInRules<'a> {
    engine: usize,
    message: &'a Section,
    verdict: &'a Verdict,
    prefix: &'a str,
    action: String,
    status: String,
}

/// An outcome of a verdict: a declared one, or another one.
#[derive(Clone, Copy)]
struct Told<'a> {
    /// `None` for an action that is not declared.
    action: Option<&'a str>,
    /// `None` for a status that is not declared.
    status: Option<Option<u16>>,
}

impl<'a> VerdictInRules<'a> {
    fn new(engine: &Engine<'a>, index: usize, message: &'a Section, verdict: &'a Verdict) -> Self {
        VerdictInRules {
            engine: index,
            message,
            verdict,
            prefix: engine.prefix().0,
            action: engine.variable("txn", &verdict.action),
            status: engine.variable("txn", &verdict.status),
        }
    }

    /// Returns whether the effect of the verdict cannot be seen: a rule copies the action, or a mistake in
    /// its name is reported instead.
    fn is_told_elsewhere(&self, case: &Case<'_>, engine: &Engine<'_>) -> bool {
        let steps = case.paths.iter().flat_map(|path| &path.steps);
        let hands_on = steps.into_iter().any(|step| {
            let name = action_name(step.line);
            let copies = name.starts_with("set-var") || name.starts_with("set-map");
            (copies || name.starts_with("lua") || step.message.is_some()) && self.reads(step)
        });
        let set = of_agent(case, engine);
        hands_on
            || broken(case, engine, &set)
                .iter()
                .any(|it| it.meant == self.action)
    }

    fn reads(&self, step: &Step<'_>) -> bool {
        step.mentions.iter().any(|mention| {
            mention.how != How::Set
                && (mention.variable == self.action || mention.variable == self.status)
        })
    }

    /// Returns whether a step enforces the verdict, if its condition holds.
    fn enforces(&self, step: &Step<'_>) -> bool {
        let chooses = step.phase == Phase::Switching || action_name(step.line) == "use-service";
        (step.end == End::All || chooses) && self.reads(step)
    }

    /// Returns the ways on which the message is sent, with the step that sends it.
    fn ways<'p, 'c>(&self, case: &'p Case<'c>) -> Vec<(&'p Path<'c>, &'p Step<'c>)> {
        let ways = case.paths.iter().filter_map(|path| {
            let sends = |step: &&Step<'_>| {
                let sent = step.message.as_ref();
                sent.is_some_and(|sent| {
                    sent.engine == self.engine && std::ptr::eq(sent.section, self.message)
                })
            };
            Some((path, path.steps.iter().find(sends)?))
        });
        ways.collect()
    }

    /// Finds outcomes that no rule enforces on any path.
    fn missing(&self, case: &Case<'_>) -> Option<Finding> {
        let ways = self.ways(case);
        let late = is_late(ways.first()?.1.phase);
        let mut wrong_side: Option<Span> = None;
        let mut last: Option<Span> = None;
        let mut missing: Vec<&Outcome> = Vec::new();
        for outcome in &self.verdict.outcomes {
            let told = Told {
                action: Some(outcome.action.name()),
                status: Some(outcome.status),
            };
            let mut found = false;
            for (path, sender) in &ways {
                for step in path.after(sender.at).filter(|step| self.enforces(step)) {
                    if self.holds(step.condition.as_ref(), told) == Some(false) {
                        continue;
                    }
                    last.get_or_insert(step.line.span());
                    let side = is_late(sender.phase);
                    if step.phase.of_response() == side {
                        found = true
                    } else {
                        wrong_side = Some(step.line.span())
                    }
                }
            }
            if !found {
                missing.push(outcome);
            }
        }
        if missing.is_empty() {
            return None;
        }
        let shown: Vec<_> = missing.iter().map(|it| it.to_string()).collect();
        let rules = if late {
            "http-response"
        } else {
            "http-request"
        };
        let lines = missing
            .iter()
            .take(super::SHOWN)
            .map(|it| self.verdict.rule(it, rules, self.prefix));
        let lines: Vec<_> = lines.collect();
        let title = format!(
            "no rule enforces the {} {} of the message `{}`",
            if shown.len() == 1 {
                "verdict"
            } else {
                "verdicts"
            },
            all_of(&shown),
            self.message.title()
        );
        let span = self.message.head.words.get(1);
        let span = span.map_or_else(|| self.message.head.span(), |word| word.span);
        let mut finding = Finding::new(Code::OutcomeUnenforced, title, span).label(if late {
            "the handler can decide that, but the response passes"
        } else {
            "the handler can decide that, but the request passes"
        });
        if let Some(wrong) = wrong_side {
            finding = finding.context(wrong, "too late: the server has the request by then");
        } else if let Some(last) = last {
            finding = finding.context(last, "enforces another verdict of this message");
        }
        Some(finding.help(format!("write {}", all_of(&lines))))
    }

    /// Finds rules that enforce nothing, because an earlier rule matches all that they match.
    fn shadowed(&self, case: &Case<'_>) -> Vec<Finding> {
        let mut findings: Vec<Finding> = Vec::new();
        let mut told: Vec<Told<'_>> = Vec::new();
        for outcome in &self.verdict.outcomes {
            let action = Some(outcome.action.name());
            told.push(Told {
                action,
                status: Some(outcome.status),
            });
            // A later version of the agent may have another status.
            told.push(Told {
                action,
                status: None,
            });
        }
        told.push(Told {
            action: None,
            status: None,
        });
        for (path, sender) in self.ways(case) {
            let steps: Vec<_> = path
                .after(sender.at)
                .filter(|step| self.reads(step) && step.end != End::None)
                .collect();
            for (place, step) in steps.iter().enumerate() {
                let before = steps.iter().take(place).filter(|other| {
                    other.phase == step.phase
                        && other.proxy == step.proxy
                        && other.line.certain
                        && !std::ptr::eq(other.line, step.line)
                });
                let before: Vec<_> = before.collect();
                let mut by = None;
                let mine = told
                    .iter()
                    .filter(|told| self.holds(step.condition.as_ref(), **told) != Some(false));
                let mut mine = mine.peekable();
                let reached = mine.peek().is_none()
                    || !mine.all(|told| {
                        let first = before
                            .iter()
                            .find(|it| self.holds(it.condition.as_ref(), *told) == Some(true));
                        by = by.or(first.map(|it| it.line.span()));
                        first.is_some()
                    });
                let span = step.line.span();
                let known = findings.iter().any(|it| it.primary.span == span);
                if let (false, false, Some(by)) = (reached, known, by) {
                    let title = format!(
                        "a rule about the verdict of the message `{}` never matches",
                        self.message.title()
                    );
                    findings.push(
                        Finding::new(Code::RungShadowed, title, span)
                            .label("requests with such a verdict never reach this rule")
                            .context(by, "matches first and ends the rules")
                            .help(
                                "move this rule above the other one, or remove the one that you do not mean",
                            ),
                    );
                }
            }
        }
        findings
    }

    /// Returns whether a condition holds for a verdict; `None` if that depends on something else.
    fn holds(&self, condition: Option<&Condition<'_>>, told: Told<'_>) -> Option<bool> {
        let Some(condition) = condition else {
            return Some(true);
        };
        let mut holds = Some(false);
        for terms in &condition.alternatives {
            let mut all = Some(true);
            for term in terms {
                let mut any = if term.tests.is_empty() {
                    None
                } else {
                    Some(false)
                };
                for test in &term.tests {
                    any = or(any, self.test(test, told));
                }
                let term = any.map(|any| any != term.negated);
                all = not(or(not(all), not(term)));
            }
            holds = or(holds, all);
        }
        holds.map(|holds| holds != condition.unless())
    }

    fn test(&self, test: &Test<'_>, told: Told<'_>) -> Option<bool> {
        let variable = test.variable()?;
        // A default value is in for what is not set.
        if test.expression.text.contains(',') || test.flags.iter().any(|it| it.is("-f")) {
            return None;
        }
        let method = test.method().map(|it| it.text.as_str());
        if variable == self.action {
            return match (method, told.action) {
                (Some("found"), _) => Some(true),
                (Some("str"), None) => {
                    if test.patterns.iter().all(|it| self.knows(it)) {
                        Some(false)
                    } else {
                        None
                    }
                }
                (Some("str"), Some(action)) => {
                    let ignores_case = test.flags.iter().any(|it| it.is("-i"));
                    Some(test.patterns.iter().any(|it| {
                        if ignores_case {
                            it.text.eq_ignore_ascii_case(action)
                        } else {
                            it.text == action
                        }
                    }))
                }
                _ => None,
            };
        }
        if variable != self.status {
            return None;
        }
        let Some(status) = told.status else {
            // It is not among the declared ones.
            let declared = |it: &Word| {
                let number = it.text.parse().ok();
                let mut outcomes = self.verdict.outcomes.iter();
                number.is_some() && outcomes.any(|outcome| outcome.status == number)
            };
            let plain = test.patterns.iter().filter(|it| !it.is("eq")).all(declared);
            return (method == Some("int") && plain).then_some(false);
        };
        match (method, status) {
            (Some("found"), status) => Some(status.is_some()),
            (Some("int"), None) => Some(false),
            (Some("int"), Some(status)) => in_numbers(test.patterns, status),
            _ => None,
        }
    }

    /// Returns whether a pattern is the name of an action that verdicts have.
    fn knows(&self, pattern: &Word) -> bool {
        let mut declared = self.verdict.outcomes.iter();
        pattern.is("allow") || declared.any(|it| pattern.is(it.action.name()))
    }
}

/// Returns whether a number is one of those that patterns name; `None` if they cannot be read.
fn in_numbers(patterns: &[Word], number: u16) -> Option<bool> {
    let (operator, patterns) = match patterns.split_first() {
        Some((first, rest)) if ["eq", "ge", "gt", "le", "lt"].contains(&first.text.as_str()) => {
            (first.text.as_str(), rest)
        }
        _ => ("eq", patterns),
    };
    let number = i64::from(number);
    let mut any = false;
    for pattern in patterns {
        let (low, high) = match pattern.text.split_once(':') {
            Some((low, high)) if operator == "eq" => (low, high),
            Some(_) => return None,
            None => (pattern.text.as_str(), pattern.text.as_str()),
        };
        let (low, high) = (low.parse::<i64>().ok()?, high.parse::<i64>().ok()?);
        any |= match operator {
            "ge" => number >= low,
            "gt" => number > low,
            "le" => number <= low,
            "lt" => number < low,
            _ => (low..=high).contains(&number),
        };
    }
    Some(any)
}

/// Either, where `None` is not known.
fn or(one: Option<bool>, other: Option<bool>) -> Option<bool> {
    match (one, other) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        _ => None,
    }
}

fn not(it: Option<bool>) -> Option<bool> {
    it.map(|it| !it)
}

/// Returns whether only rules about the response come after a phase.
fn is_late(phase: Phase) -> bool {
    phase >= Phase::ServerSession
}

//! Rules and arguments that read a variable before anything sets it.
//!
//! The order of steps is that of `steps`. A variable that is set on any way of a request, or may be set by an
//! agent whose handlers are not known, is not accused.

use super::super::rule::{Mention, action_name, set_to};
use super::super::steps::{Path, Phase, Step};
use super::super::{Case, Code, Finding};
use super::alternatives::instead;
use crate::read::Span;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    early(case, findings);
}

/// A read that comes before what sets the variable.
#[derive(Clone, Debug)]
struct Early<'p, 'a> {
    path: &'p Path<'a>,
    reads: &'p Step<'a>,
    mention: &'p Mention<'a>,
    sets: &'p Step<'a>,
}

impl<'a> Early<'_, 'a> {
    /// Returns whether it is an argument of a message that reads it.
    fn argument(&self) -> bool {
        let message = self.reads.message;
        message.is_some_and(|sent| {
            let lines = &sent.section.lines;
            lines
                .iter()
                .any(|line| std::ptr::eq(line, self.mention.line))
                && self.mention.line.word(0) != "event"
        })
    }

    /// Returns whether another one is about the same read of the same variable.
    fn same(&self, other: &Early<'_, 'a>) -> bool {
        std::ptr::eq(self.reads.line, other.reads.line)
            && self.mention.variable == other.mention.variable
            && self.argument() == other.argument()
    }
}

/// Finds reads of a variable that is set only later.
fn early(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut late: Vec<Early<'_, '_>> = Vec::new();
    let mut fine: Vec<Early<'_, '_>> = Vec::new();
    for path in &case.paths {
        let http = case.is_http(path);
        for reads in &path.steps {
            for mention in reads.reads() {
                // A variable of the connection or the process may be set by an earlier request.
                let scope = mention.variable.split('.').next().unwrap_or_default();
                if !matches!(scope, "txn" | "req" | "res") {
                    continue;
                }
                let argument_like = Early {
                    path,
                    reads,
                    mention,
                    sets: reads,
                };
                let sets = |step: &Step<'_>| {
                    step.sets(&mention.variable) || case.may_set(step, &mention.variable)
                };
                // The request may come from a frontend that chooses the backend by a name known only at run time.
                let mut others = case
                    .paths
                    .iter()
                    .filter(|other| path.frontend.is_none() && other.backend.is_none());
                let before = path.before(reads.at).any(sets)
                    || others.any(|other| other.steps.iter().any(sets));
                if before {
                    fine.push(argument_like);
                    continue;
                }
                let argument = argument_like.argument();
                let set = path.setters(&mention.variable).find(|step| {
                    step.at > reads.at
                        || (step.at == reads.at
                            && argument
                            && step.answers.contains(&mention.variable))
                });
                let with_it = path
                    .setters(&mention.variable)
                    .any(|step| step.at == reads.at && !argument);
                match set {
                    // Without HTTP, the events and rules of HTTP never happen.
                    Some(sets) if !with_it && (http || !sets.phase.of_http()) => late.push(Early {
                        sets,
                        ..argument_like
                    }),
                    _ => {}
                }
            }
        }
    }
    // If a rule above sends a group that its engine does not have, that rule is reported instead.
    late.retain(|early| {
        !fine.iter().any(|other| other.same(early)) && !sent_by_no_group(case, early)
    });
    // A path with a known backend says more.
    late.sort_by_key(|early| early.path.backend.is_none());
    let mut rules: Vec<Early<'_, '_>> = Vec::new();
    let mut arguments: Vec<Early<'_, '_>> = Vec::new();
    for early in late {
        let found = if early.argument() {
            &mut arguments
        } else {
            &mut rules
        };
        if !found.iter().any(|other| other.same(&early)) {
            found.push(early);
        }
    }
    // Reads of one variable before one and the same step are one mistake.
    while let Some(first) = rules.first().cloned() {
        let (same, others): (Vec<_>, Vec<_>) = rules.into_iter().partition(|other| {
            std::ptr::eq(other.sets.line, first.sets.line)
                && other.mention.variable == first.mention.variable
        });
        rules = others;
        // A variable that only rules set is the business of the configuration.
        if first.sets.answers.contains(&first.mention.variable) {
            findings.extend(of_rules(case, &same));
        }
    }
    findings.extend(arguments.iter().map(|early| of_argument(case, early)));
}

/// Returns whether a rule before the read was to send a group of the engine whose answer comes too late, and
/// there is no such group.
fn sent_by_no_group(case: &Case<'_>, early: &Early<'_, '_>) -> bool {
    let Some(engine) = early
        .sets
        .message
        .and_then(|sent| case.engines.get(sent.engine))
    else {
        return false;
    };
    case.rules.iter().any(|rule| {
        let mut groups = engine.listed("groups");
        rule.proxy == early.reads.proxy
            && rule.line.span() < early.reads.line.span()
            && rule.engine.text == engine.name()
            && groups.all(|group| group.known && group.text != rule.group.text)
    })
}

/// Rules that read the agent's variable too early.
fn of_rules(case: &Case<'_>, early: &[Early<'_, '_>]) -> Option<Finding> {
    let (first, others) = early.split_first()?;
    let (reads, sets, variable) = (first.reads, first.sets, &first.mention.variable);
    let response = sets.phase.of_response() && !reads.phase.of_response();
    let code = if response {
        Code::VerdictElsewhere
    } else {
        Code::ReadTooEarly
    };
    let title = if response {
        format!("`{variable}` is set with the response, and this rule is for requests")
    } else {
        format!("`{variable}` is read before the agent sets it")
    };
    let span = place(first);
    let mut finding =
        Finding::new(code, title, span).label("not set yet, whatever the agent answers");
    for other in others {
        finding = finding.context(place(other), "and here");
    }
    let sent = match sets.message {
        Some(sent) if sent.by_rule => "sends the message whose answer sets it".to_owned(),
        _ => format!(
            "sends `{}`, whose answer sets it, after this rule",
            sets.message_name()
        ),
    };
    finding = finding.context(sets.line.span(), sent);
    Some(finding.help(move_it(case, first)))
}

/// Returns the help for a rule that comes too early.
fn move_it(case: &Case<'_>, early: &Early<'_, '_>) -> String {
    let (reads, sets) = (early.reads, early.sets);
    let by_rule = sets.message.is_some_and(|sent| sent.by_rule);
    let section = case.configuration.sections.get(sets.proxy);
    let proxy = section.map_or(String::new(), |section| {
        format!("{} {}", section.kind(), section.title())
    });
    let same_kind = reads.phase == sets.phase && reads.proxy == sets.proxy;
    if by_rule && same_kind {
        let text: Vec<_> = sets
            .line
            .words
            .iter()
            .map(|word| word.text.as_str())
            .collect();
        let text = text.get(..text.len().min(4)).unwrap_or_default().join(" ");
        return format!("move it below `{text}`");
    }
    let keyword = match sets.phase {
        Phase::FrontendHttpEvent
        | Phase::FrontendRules
        | Phase::BackendHttpEvent
        | Phase::BackendRules => "http-request",
        Phase::HttpResponseEvent | Phase::ResponseRules => "http-response",
        Phase::TcpResponseEvent | Phase::ResponseContent => "tcp-response content",
        Phase::ServerSession => "http-response",
        _ => "tcp-request content",
    };
    let of_backend = matches!(sets.phase, Phase::BackendTcpEvent | Phase::BackendHttpEvent)
        && early.path.backend != early.path.frontend;
    let proxy = match early
        .path
        .backend
        .and_then(|at| case.configuration.sections.get(at))
    {
        Some(backend) if of_backend => format!("{} {}", backend.kind(), backend.title()),
        None if of_backend => "the backend".to_owned(),
        _ => proxy,
    };
    if reads.phase == Phase::Switching {
        return earlier(case, early);
    }
    let below = if by_rule {
        ", below the rule that sends the group"
    } else {
        ""
    };
    let proxy = match proxy.as_str() {
        "the backend" => proxy,
        _ => format!("`{proxy}`"),
    };
    format!("write it as an `{keyword}` rule of {proxy}{below}")
}

/// Returns the help for a message that is sent after its backend was chosen.
fn earlier(case: &Case<'_>, early: &Early<'_, '_>) -> String {
    let sent = early.sets.message;
    let filter = sent
        .and_then(|sent| case.engines.get(sent.engine))
        .map(|it| it.filter);
    let frontend = early
        .path
        .frontend
        .and_then(|at| case.configuration.sections.get(at));
    let event = match early.sets.phase {
        Phase::BackendTcpEvent => "on-frontend-tcp-request",
        _ => "on-frontend-http-request",
    };
    let here = filter.is_some_and(|filter| Some(filter.proxy) == early.path.frontend);
    match frontend {
        Some(frontend) if !here => format!(
            "write the filter in `{} {}`, and `event {event}`",
            frontend.kind(),
            frontend.title()
        ),
        _ => format!("write `event {event}`: the backend is chosen before later events"),
    }
}

/// An argument that reads what only later steps set.
fn of_argument(case: &Case<'_>, early: &Early<'_, '_>) -> Finding {
    let (reads, sets, variable) = (early.reads, early.sets, &early.mention.variable);
    let title = format!("the argument reads `{variable}` before it is set");
    let finding = Finding::new(Code::ArgumentTooEarly, title, early.mention.span)
        .label("never set when the message is sent")
        .context(reads.line.span(), "the message is sent here");
    if sets.at == reads.at || sets.answers.contains(variable) {
        let finding = finding.context(
            sets.line.span(),
            format!("the answer to `{}` sets it", sets.message_name()),
        );
        return finding.help(format!(
            "send `{}` by a group, with a rule that comes after the answer to `{}`",
            reads.message_name(),
            sets.message_name()
        ));
    }
    let finding = finding.context(sets.line.span(), "sets it, but later");
    finding.help(instead(
        case,
        early.reads,
        set_to(sets.line),
        early.mention.span,
    ))
}
/// Where a rule reads a variable: the name itself, or that of the ACL that does.
fn place(early: &Early<'_, '_>) -> Span {
    let (reads, mention) = (early.reads, early.mention);
    if std::ptr::eq(reads.line, mention.line) {
        return mention.span;
    }
    let mut terms = reads
        .condition
        .iter()
        .flat_map(|condition| condition.terms());
    let by_acl = terms.find(|term| {
        term.tests
            .iter()
            .any(|test| std::ptr::eq(test.line, mention.line))
    });
    by_acl.map_or_else(|| reads.line.span(), |term| term.word.span)
}

impl Case<'_> {
    /// Returns whether a step may set a variable without anything here telling so: an agent whose handler is
    /// not known, or Lua.
    pub(super) fn may_set(&self, step: &Step<'_>, variable: &str) -> bool {
        let name = action_name(step.line);
        if name.starts_with("lua.") || name == "use-service" {
            return true;
        }
        let Some((sent, engine)) = step
            .message
            .and_then(|sent| Some((sent, self.engines.get(sent.engine)?)))
        else {
            return false;
        };
        let Some((_, rest)) = variable.split_once('.') else {
            return false;
        };
        let prefixed = rest
            .strip_prefix(engine.prefix().0)
            .is_some_and(|rest| rest.starts_with('.'));
        prefixed && (!engine.ours || self.handler(sent.section.title()).is_none())
    }
}

//! Data of one request that other requests can read, in `proc` or `sess`.
//!
//! A value that is known for the connection, such as its source address, may be kept for it.

use super::super::rule::{Condition, End, action_name, set_to};
use super::super::steps::{Path, Phase, Step};
use super::super::{Case, Code, Finding, Severity};
use super::alternatives::instead;
use super::arguments::GivenArgument;
use crate::read::{Section, Span};
use spoa_facts::Expression;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        if !case.is_http(path) {
            continue;
        }
        for step in &path.steps {
            for finding in carried(case, path, step)
                .into_iter()
                .chain(kept(case, path, step))
            {
                if !said.contains(&finding.primary.span) {
                    said.push(finding.primary.span);
                    findings.push(finding);
                }
            }
        }
    }
}

/// Returns whether a sample is of the request, not of its connection. `None` if that is not known.
fn of_request(path: &Path<'_>, text: &str) -> Option<bool> {
    let expression = Expression::parse(text).ok()?;
    let fetch = expression.fetch();
    if fetch.name == "var" {
        let name = fetch.arguments.as_ref()?.first()?.text.as_str();
        if name.starts_with("txn.") || name.starts_with("req.") {
            // It is as much the request's as what it was set to.
            let mut setters = path.setters(name).peekable();
            setters.peek()?;
            let values: Option<Vec<_>> = setters
                .map(|step| {
                    Some(action_name(step.line) == "set-var")
                        .filter(|plain| *plain && step.message.is_none())
                })
                .zip(path.setters(name).map(|step| set_to(step.line)))
                .map(|(plain, value)| {
                    plain?;
                    // One step is enough: a variable of a variable is not followed.
                    let value = value.filter(|value| !value.starts_with("var("))?;
                    of_request(path, value)
                })
                .collect();
            return values.map(|values| values.into_iter().any(|it| it));
        }
        return None;
    }
    Some(is_of_request(&fetch.name))
}

/// Returns whether a fetch gives what each request has for itself: its method, its target, its headers, its
/// body. Those of the connection, of TLS and of HAProxy itself do not.
fn is_of_request(fetch: &str) -> bool {
    const NAMES: [&str; 10] = [
        "base",
        "base32",
        "http_auth",
        "http_auth_group",
        "method",
        "path",
        "pathq",
        "query",
        "url",
        "url32",
    ];
    const PREFIXES: [&str; 10] = [
        "capture.req.",
        "cook",
        "hdr",
        "req.body",
        "req.cook",
        "req.fhdr",
        "req.hdr",
        "url_",
        "urlp",
        "unique-id",
    ];
    NAMES.contains(&fetch) || PREFIXES.iter().any(|prefix| fetch.starts_with(prefix))
}

/// A rule that puts something of the request into `proc` or `sess`, from where a message takes it.
fn carried(case: &Case<'_>, path: &Path<'_>, step: &Step<'_>) -> Option<Finding> {
    if step.message.is_some() || !step.always() || step.line.word(0) == "http-response" {
        return None;
    }
    let value = set_to(step.line)?;
    let set = step.mentions.first()?;
    let (scope, _) = set.variable.split_once('.')?;
    if !matches!(scope, "proc" | "sess") || !of_request(path, value)? {
        return None;
    }
    let (argument, sent) = path.steps.iter().find_map(|other| {
        other.message?;
        let mut reads = other.reads();
        let read = reads
            .find(|mention| mention.variable == set.variable && mention.line.word(0) == "args")?;
        Some((read, other))
    })?;
    let name = set.variable.split_once('.').map_or("", |(_, name)| name);
    let title = match scope {
        "proc" => format!(
            "all requests of all clients share `{}`, which is sent to the agent",
            set.variable
        ),
        _ => format!(
            "all requests of a connection share `{}`, which is sent to the agent",
            set.variable
        ),
    };
    let early = sent.at < step.at;
    let finding = Finding::new(Code::SharedByRequests, title, set.span)
        .severity(match scope {
            "proc" => Severity::Error,
            _ => Severity::Warning,
        })
        .label(if early {
            "kept for later requests"
        } else {
            "another request may set it before the message is sent"
        })
        .context(
            argument.span,
            if early {
                "a value that an earlier request may have left"
            } else {
                "sent with a message"
            },
        );
    // In `txn` it would never be there in time.
    Some(if early {
        finding.help(instead(case, sent, Some(value), argument.span))
    } else {
        finding.help(format!("write `txn.{name}` in both places"))
    })
}

/// A verdict on a request that is kept for the connection.
fn kept(case: &Case<'_>, path: &Path<'_>, step: &Step<'_>) -> Option<Finding> {
    let sent = step.message?;
    let handler = case.handler(sent.section.title())?;
    let engine = case.engines.get(sent.engine).filter(|engine| engine.ours)?;
    let given = GivenArgument::all(sent.section);
    // A value that depends on the connection alone is the same for all its requests.
    let of_this = given
        .iter()
        .find(|given| of_request(path, given.sample()) == Some(true))?;
    let finding = handler
        .variables
        .iter()
        .filter(|it| it.scope == "sess")
        .find_map(|variable| {
            let name = engine.variable("sess", &variable.name);
            let (rule, test) = path
                .steps
                .iter()
                .skip_while(|other| other.at < step.at)
                .find_map(|other| {
                    if other.end != End::All && other.phase != Phase::Switching {
                        return None;
                    }
                    let terms = other.condition.iter().flat_map(Condition::terms);
                    let mut tests = terms.flat_map(|term| &term.tests);
                    let test = tests.find(|test| test.variable() == Some(&name))?;
                    Some((other, *test))
                })?;
            let title = format!(
                "the verdict `{name}` on one request is kept for later requests of its connection"
            );
            let finding = Finding::new(Code::SharedByRequests, title, test.expression.span)
                .label("the value of an earlier request, if this one gets no answer")
                .context(
                    of_this.word.span,
                    "belongs to the request, not to the connection",
                );
            let finding = if std::ptr::eq(test.line, rule.line) {
                finding
            } else {
                finding.context(rule.line.span(), "the rule that depends on it")
            };
            let new = engine.variable("txn", &variable.name);
            Some(finding.notes(handler.place()).help(format!(
                "set `txn.{}` in the handler, and write `var({new})` in the rules",
                variable.name
            )))
        });
    finding.filter(|_| !is_connection(sent.section))
}

/// Returns whether a message is sent once for a connection.
fn is_connection(message: &Section) -> bool {
    let event = super::super::engine::event(message);
    event.is_some_and(|event| event.text == "on-client-session")
}

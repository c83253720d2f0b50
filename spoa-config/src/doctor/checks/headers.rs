//! Arguments that take a header before the rule that sets it is applied.

use super::super::rule::{Change, How, action, action_name};
use super::super::steps::Step;
use super::super::{Case, Code, Finding, Severity};
use super::alternatives::instead;
use super::arguments::GivenArgument;
use crate::read::Span;
use spoa_facts::Expression;

/// Arguments that take a header which only later rules set.
pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        if path.frontend.is_none() {
            continue;
        }
        for reads in &path.steps {
            let Some(sent) = reads.message else {
                continue;
            };
            for given in GivenArgument::all(sent.section) {
                let Some((name, response)) = header_of(given.sample()) else {
                    continue;
                };
                let changes = |step: &Step<'_>| {
                    step.header.is_some_and(|header| {
                        header.response == response
                            && header.change != Change::Delete
                            && header.name.eq_ignore_ascii_case(&name)
                    })
                };
                let given_span = given.word.span;
                if said.contains(&given_span) {
                    continue;
                }
                let Some(sets) = path.after(reads.at).find(|step| changes(step)) else {
                    continue;
                };
                let mut ways = case.paths.iter().filter(|path| {
                    let steps = path.steps.iter();
                    let mut sends = steps.filter(|step| {
                        step.message
                            .is_some_and(|it| std::ptr::eq(it.section, sent.section))
                    });
                    sends.any(|send| path.before(send.at).any(changes))
                });
                if ways.next().is_some() {
                    continue;
                }
                let forwarded = action_name(sets.line) == "option";
                if !forwarded && (is_of_clients(&name, response) || !own_value(sets, &name)) {
                    continue;
                }
                said.push(given_span);
                let title = format!("the argument reads the header `{name}` before it is set");
                let finding = Finding::new(Code::ArgumentTooEarly, title, given_span)
                    .label("has the value that the other side sent, or none")
                    .context(reads.line.span(), "the message is sent here");
                findings.push(if forwarded { finding
                        .severity(Severity::Note)
                        .context(sets.line.span(), "adds it after all rules")
                        .help("use `src` for the address of the client, unless a proxy in front of this HAProxy sets the header") } else { finding
                        .severity(Severity::Warning)
                        .context(sets.line.span(), "sets it, but later")
                        .help(instead(case, reads, value(sets), given_span)) });
            }
        }
    }
}

/// Returns the header that an expression fetches, and whether it is one of the response.
fn header_of(sample: &str) -> Option<(String, bool)> {
    let expression = Expression::parse(sample).ok()?;
    let fetch = expression.fetch();
    let response = match fetch.name.as_str() {
        "req.hdr" | "req.fhdr" | "hdr" | "req.hdr_ip" | "req.hdr_val" => false,
        "res.hdr" | "res.fhdr" | "res.hdr_ip" | "res.hdr_val" => true,
        _ => return None,
    };
    let name = fetch.arguments.as_ref()?.first()?;
    Some((name.text.to_ascii_lowercase(), response))
}

/// Headers that clients, browsers and proxies before this one send: what comes from them may be what
/// the agent is to see.
pub(super) fn is_of_clients(name: &str, response: bool) -> bool {
    const PREFIXES: [&str; 10] = [
        "accept",
        "access-control",
        "cf-",
        "content",
        "if-",
        "sec-",
        "x-forwarded",
        "x-request",
        "x-correlation",
        "proxy",
    ];
    const NAMES: [&str; 26] = [
        "authorization",
        "cache-control",
        "connection",
        "cookie",
        "date",
        "dnt",
        "expect",
        "forwarded",
        "from",
        "host",
        "origin",
        "pragma",
        "range",
        "referer",
        "te",
        "traceparent",
        "tracestate",
        "true-client-ip",
        "upgrade",
        "user-agent",
        "via",
        "x-api-key",
        "x-client-ip",
        "x-real-ip",
        "x-requested-with",
        "x-http-method-override",
    ];
    // A server may send any, and what it sends may be what is asked for.
    response || PREFIXES.iter().any(|prefix| name.starts_with(prefix)) || NAMES.contains(&name)
}

/// Returns whether a rule gives a header a value of its own, to all requests: then what a client sends under
/// that name is never meant.
fn own_value(sets: &Step<'_>, name: &str) -> bool {
    let set = sets
        .header
        .is_some_and(|header| header.change == Change::Set);
    let words = action(sets.line).get(2..).unwrap_or_default();
    let again = words
        .iter()
        .any(|word| word.text.to_ascii_lowercase().contains(name));
    set && sets.always() && !again && sets.mentions.iter().all(|mention| mention.how == How::Set)
}

/// Returns the expression that a rule makes a header of, if it is nothing but that.
fn value<'a>(sets: &Step<'a>) -> Option<&'a str> {
    let words = action(sets.line);
    let word = words.get(2).filter(|word| words.len() == 3 && word.known)?;
    let inner = word.text.strip_prefix("%[")?.strip_suffix(']')?;
    (!inner.contains(['[', ']'])).then_some(inner)
}

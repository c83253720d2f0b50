//! Lines of the agents' backend that need a client or a request, which it does not have.

use super::super::engine::Engine;
use super::super::grammar::RULES;
use super::super::{Case, Code, Finding, Severity};
use super::health::own;
use crate::read::Line;
use spoa_facts::Expression;

/// The samples of a client or its request that `balance hash` may be given.
const OF_CLIENTS: [&str; 21] = [
    "src",
    "src_port",
    "path",
    "pathq",
    "url",
    "base",
    "query",
    "method",
    "url_param",
    "urlp",
    "req.hdr",
    "req.fhdr",
    "hdr",
    "req.cook",
    "cook",
    "cookie",
    "ssl_fc_sni",
    "req.ssl_sni",
    "req_ssl_sni",
    "ssl_c_serial",
    "unique-id",
];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(of_clients(case, engine));
    }
}

fn of_clients(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let name = engine.backend()?;
    let backend = case.configuration.backend(&name.text)?;
    let section = case.configuration.sections.get(backend)?;
    // Another finding says that the mode is wrong; a `listen` may have clients of its own.
    let mode = case.last(backend, &["mode"]);
    let of_spop = mode.is_none_or(|line| matches!(line.word(1), "tcp" | "spop"));
    if section.kind() != "backend" || !of_spop {
        return None;
    }
    let balance = case
        .last(backend, &["balance"])
        .filter(|line| needs_request(line) && (own(case, backend, line) || http(line)));
    let others = section.lines.iter().filter(|line| is_for_clients(line));
    let mut lines: Vec<_> = balance.into_iter().chain(others).collect();
    lines.retain(|line| line.certain);
    let (first, rest) = lines.split_first()?;
    let title = if rest.is_empty() {
        format!("`{}` does nothing in `{}`", said(first), name.text)
    } else {
        format!("lines for clients do nothing in `{}`", name.text)
    };
    let mut finding = Finding::new(Code::BackendOfOthers, title, first.span())
        .severity(Severity::Note)
        .label(match balance {
            Some(_) => "there is no client here to choose a server by: the servers take turns",
            None => "there is no client here, and no request",
        });
    for line in rest {
        finding = finding.context(line.span(), "here as well");
    }
    Some(finding.help(match (balance, rest) {
        (Some(_), []) => "write `balance roundrobin` here",
        (Some(_), _) => "write `balance roundrobin`, and remove the others",
        (None, []) => "remove it",
        (None, _) => "remove them",
    }))
}

/// Returns the words that a line begins with.
fn said(line: &Line) -> String {
    let words: Vec<_> = line.words.iter().map(|word| word.text.as_str()).collect();
    words
        .get(..words.len().min(2))
        .unwrap_or_default()
        .join(" ")
}

/// Returns whether a line `balance` chooses by what belongs to a client or its request.
fn needs_request(line: &Line) -> bool {
    let algorithm = line.word(1);
    match algorithm.split(['(', ',']).next().unwrap_or_default() {
        "source" | "rdp-cookie" => true,
        "hash" => Expression::parse(line.word(2))
            .is_ok_and(|expression| OF_CLIENTS.contains(&expression.fetch().name.as_str())),
        _ => http(line),
    }
}

/// Returns whether it needs HTTP: HAProxy warns of it, inherited or not.
fn http(line: &Line) -> bool {
    let algorithm = line.word(1);
    let algorithm = algorithm.split(['(', ',']).next().unwrap_or_default();
    line.words.get(1).is_some_and(|word| word.known)
        && matches!(algorithm, "uri" | "url_param" | "hdr")
}

/// Returns whether a line is about clients, their requests or their stickiness.
fn is_for_clients(line: &Line) -> bool {
    let known = line.words.first().is_some_and(|word| word.known);
    let stick = line.word(0) == "stick" && matches!(line.word(1), "on" | "match" | "store-request");
    let of_http = RULES.contains(&line.word(0)) && line.word(0).starts_with("http-");
    let keyword = of_http || line.word(0) == "cookie";
    known && (stick || keyword || line.begins(&["option", "forwardfor"]))
}

//! How the servers of the agents' backend are checked, and the PROXY protocol, which no agent speaks.

use super::super::engine::Engine;
use super::super::{Case, Code, Finding, Severity};
use crate::Series;
use crate::read::{Line, Word};
use spoa_facts::Address;

/// The options that say how servers are checked. Of several in one section the last holds.
const METHODS: [&str; 10] = [
    "spop-check",
    "tcp-check",
    "external-check",
    "httpchk",
    "ldap-check",
    "mysql-check",
    "pgsql-check",
    "redis-check",
    "smtpchk",
    "ssl-hello-chk",
];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(checks(case, engine));
        findings.extend(proxy_protocol(case, engine));
    }
}

/// How the servers of a backend are checked.
enum Method<'a> {
    /// By SPOP, or by a check of the site's own that cannot be judged here.
    Chosen,
    /// By connecting to it. The line says so, if there is one.
    Connection(Option<&'a Line>),
    /// By another protocol, as this line says.
    Foreign(&'a Line),
}

fn method<'a>(case: &Case<'a>, backend: usize) -> Method<'a> {
    let mut next = Some(backend);
    let line = loop {
        let Some(at) = next else {
            return Method::Connection(None);
        };
        let Some(section) = case.configuration.sections.get(at) else {
            return Method::Connection(None);
        };
        let mut lines = section.lines.iter();
        let says = |line: &&Line| METHODS.iter().any(|it| line.begins(&["option", it]));
        if let Some(line) = lines.rfind(says) {
            break line;
        }
        next = case.configuration.defaults(at);
    };
    match line.word(1) {
        _ if !line.certain => Method::Chosen,
        "spop-check" | "external-check" => Method::Chosen,
        "tcp-check" if talks(case, backend) => Method::Chosen,
        "tcp-check" => Method::Connection(Some(line)),
        _ => Method::Foreign(line),
    }
}

/// Returns whether the `tcp-check` rules of a backend, or those of its defaults if it has none, send or
/// expect something.
fn talks(case: &Case<'_>, backend: usize) -> bool {
    let mut next = Some(backend);
    while let Some(at) = next {
        let Some(section) = case.configuration.sections.get(at) else {
            return false;
        };
        let rules: Vec<_> = section.all(&["tcp-check"]).collect();
        if !rules.is_empty() {
            let mut rules = rules.into_iter();
            return rules.any(|rule| rule.word(1).starts_with("send") || rule.word(1) == "expect");
        }
        next = case.configuration.defaults(at);
    }
    false
}

fn checks(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let name = engine.backend()?;
    let backend = case.configuration.backend(&name.text)?;
    let servers = engine.servers(case.configuration);
    let (line, _) = servers.first()?;
    let words = case.server_words(backend, line);
    let mut said = words.iter().rev();
    let check = said.find(|word| word.is("check") || word.is("no-check"));
    let method = method(case, backend);
    let Some(check) = check.filter(|word| word.is("check")) else {
        let title = format!("the servers of `{}` are not checked", name.text);
        return Some(
            Finding::new(Code::CheckMissing, title, line.span())
                .label("HAProxy never notices that this agent is down")
                .help(match method {
                    Method::Chosen => "write `check` at the end of each `server` line",
                    _ => "write `option spop-check`, and `check` at the end of each `server` line",
                }),
        );
    };
    match method {
        Method::Chosen => None,
        Method::Foreign(line) => {
            // A program at another port may be something else.
            if words.iter().any(|word| word.is("port") || word.is("addr")) {
                return None;
            }
            let title = format!(
                "the agents of `{}` fail the check of `option {}`",
                name.text,
                line.word(1)
            );
            Some(
                Finding::new(Code::BackendOfOthers, title, line.span())
                    .severity(Severity::Error)
                    .label("no agent answers such a check")
                    .context(check.span, "this server is checked by it")
                    .help(if own(case, backend, line) {
                        "write `option spop-check` instead".to_owned()
                    } else {
                        format!("write `option spop-check` in `backend {}`", name.text)
                    }),
            )
        }
        Method::Connection(line) => {
            let title = format!("the servers of `{}` are not checked by SPOP", name.text);
            let span = line.map_or(check.span, Line::span);
            let in_its_place = line.is_some_and(|line| own(case, backend, line));
            Some(
                Finding::new(Code::CheckMissing, title, span)
                    .label("only tests whether something accepts connections")
                    .help(if in_its_place {
                        "write `option spop-check` instead".to_owned()
                    } else {
                        format!("write `option spop-check` in `backend {}`", name.text)
                    }),
            )
        }
    }
}

/// Returns whether a line is one of a section's own, not of its defaults.
pub(super) fn own(case: &Case<'_>, section: usize, line: &Line) -> bool {
    let section = case.configuration.sections.get(section);
    section.is_some_and(|section| section.lines.iter().any(|own| std::ptr::eq(own, line)))
}

/// Finds `send-proxy` and similar options, with which a connection does not begin with a frame.
fn proxy_protocol(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let name = engine.backend()?;
    let backend = case.configuration.backend(&name.text)?;
    engine
        .servers(case.configuration)
        .into_iter()
        .find_map(|(line, address)| {
            let words = case.server_words(backend, line);
            let checked = words.iter().any(|word| word.is("check"));
            let sends = last(&words, "send-proxy");
            let checks = last(&words, "check-send-proxy").filter(|_| checked);
            // HAProxy from 3.4 on sends none to agents, but does so in checks.
            let ignored = case.series.is_some_and(|series| series >= Series::V3_4);
            let word = if ignored {
                checks.or(sends)
            } else {
                sends.or(checks)
            }?;
            let harmless = ignored && checks.is_none();
            let listens = Address::parse(&address.text).is_some_and(|address| {
                let mut listeners = case.agent.listeners.iter();
                listeners.any(|it| Address::parse(it).is_some_and(|it| it.takes(&address)))
            });
            if !line.certain {
                return None;
            }
            let title = format!("`{}` is set for the agent at `{}`", word.text, address.text);
            Some(
                Finding::new(Code::ProxyProtocol, title, word.span)
                    .severity(match (harmless, listens) {
                        (true, _) => Severity::Note,
                        (false, true) => Severity::Error,
                        (false, false) => Severity::Warning,
                    })
                    .label(if harmless {
                        "HAProxy ignores it, and warns"
                    } else {
                        "agents do not speak the PROXY protocol, and close the connection"
                    })
                    .help("remove it"),
            )
        })
}

/// Returns the last word that begins with `begin`, unless one with `no-` takes it back.
fn last<'a>(words: &[&'a Word], begin: &str) -> Option<&'a Word> {
    let mut said = words.iter().rev().filter(|word| word.known);
    let last = said.find(|word| {
        let text = word.text.as_str();
        text.strip_prefix("no-").unwrap_or(text).starts_with(begin)
    });
    last.copied().filter(|word| !word.text.starts_with("no-"))
}

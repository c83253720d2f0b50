//! The backend of the agents: mode, servers, checks; and keywords that HAProxy 3.1 and later ignore.

use super::super::engine::Engine;
use super::super::{Case, Code, Finding};
use super::listed_spans;
use spoa_facts::{Address, all_of, nearest};

/// The keywords of `spoe-agent` that HAProxy from 3.1 on ignores (SPOE.txt 2.2).
const DEPRECATED: [&[&str]; 9] = [
    &["timeout", "hello"],
    &["timeout", "idle"],
    &["maxconnrate"],
    &["maxerrrate"],
    &["max-waiting-frames"],
    &["option", "async"],
    &["no", "option", "async"],
    &["option", "send-frag-payload"],
    &["no", "option", "send-frag-payload"],
];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        match missing(case, engine) {
            Some(finding) => findings.push(finding),
            None => {
                findings.extend(mode(case, engine));
            }
        }
        deprecated(case, engine, findings);
    }
    for engine in case.ours() {
        addresses(case, engine, findings);
        // Without an address, the agent's TLS is not known either.
        if !case.agent.listeners.is_empty() {
            tls(case, engine, findings);
        }
    }
}

fn missing(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let Some(name) = engine.backend() else {
        let title = format!("the agent `{}` names no backend", engine.agent.title());
        return Some(
            Finding::new(Code::BackendMissing, title, engine.span())
                .label("`use-backend NAME` is missing")
                .help("write `use-backend` and the name of the backend of your agents"),
        );
    };
    if !name.known || case.configuration.backend(&name.text).is_some() {
        return None;
    }
    let sections = case.configuration.sections.iter();
    let backends = sections
        .filter(|section| matches!(section.kind(), "backend" | "listen"))
        .map(|section| section.title());
    let title = format!("there is no backend `{}`", name.text);
    let finding = Finding::new(Code::BackendMissing, title, name.span)
        .label("named here, but not in haproxy.cfg");
    Some(match nearest(&name.text, backends) {
        Some(near) => finding.help(format!("write `use-backend {near}`")),
        None => finding.help(format!(
            "write `backend {}` in haproxy.cfg, with the agent's address",
            name.text
        )),
    })
}

fn mode(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let name = engine.backend()?;
    let backend = case.configuration.backend(&name.text)?;
    let section = case.configuration.sections.get(backend)?;
    let own: Vec<_> = section.all(&["mode"]).collect();
    let mut inherited = case.configuration.lines(backend);
    let line = match own.last() {
        Some(line) => line,
        None => inherited.find(|line| line.begins(&["mode"]))?,
    };
    let mode = line
        .words
        .get(1)
        .filter(|word| word.known && line.certain)?;
    let (why, help) = match (mode.text.as_str(), case.before_3_1()) {
        ("http", _) => (
            "SPOP is not HTTP",
            format!("write `mode tcp` in `backend {}`", name.text),
        ),
        ("spop", Some(true)) => (
            "only HAProxy 3.1 and later know it",
            "write `mode tcp`, which later versions accept as well".to_owned(),
        ),
        _ => return None,
    };
    let title = format!("the backend `{}` has `mode {}`", name.text, mode.text);
    let finding = Finding::new(Code::BackendMode, title, mode.span).label(why);
    Some(
        if own.is_empty() {
            finding.context(section.name()?.span, "inherited by this backend")
        } else {
            finding
        }
        .help(help),
    )
}

fn deprecated(case: &Case<'_>, engine: &Engine<'_>, findings: &mut Vec<Finding>) {
    if case.before_3_1() != Some(false) {
        return;
    }
    for line in &engine.agent.lines {
        let Some(words) = DEPRECATED.iter().find(|words| line.begins(words)) else {
            continue;
        };
        if !line.certain {
            continue;
        }
        let title = format!("HAProxy from 3.1 on ignores `{}`", words.join(" "));
        findings.push(
            Finding::new(Code::Deprecated, title, line.span())
                .label("does nothing")
                .help("leave it out, unless an older HAProxy reads this file too"),
        );
    }
}

fn addresses(case: &Case<'_>, engine: &Engine<'_>, findings: &mut Vec<Finding>) {
    let listeners: Option<Vec<_>> = case
        .agent
        .listeners
        .iter()
        .map(|text| Address::parse(text))
        .collect();
    // An address that cannot be compared may be the agent's.
    let Some(listeners) = listeners.filter(|listeners| !listeners.is_empty()) else {
        return;
    };
    let servers = engine.servers(case.configuration);
    let addresses: Vec<_> = servers
        .iter()
        .map(|(_, word)| Address::parse(&word.text).filter(|_| word.known))
        .collect();
    let fits = |address: &Address| listeners.iter().any(|listener| listener.takes(address));
    // Of several agents this is one, and the others may be on other machines.
    let elsewhere =
        |address: &Option<Address>| address.as_ref().is_none_or(|it| fits(it) || !it.is_local());
    if addresses.len() > 1 && addresses.iter().any(elsewhere) {
        return;
    }
    let mut wrong = servers
        .iter()
        .zip(&addresses)
        .filter_map(|((_, word), address)| {
            let address = address.as_ref()?;
            (!fits(address)).then_some(word)
        });
    let Some(word) = wrong.next() else {
        return;
    };
    let others: Vec<_> = wrong.map(|word| word.span).collect();
    let title = format!("the agent does not listen at `{}`", word.text);
    let listens = all_of(&case.agent.listeners);
    let finding = Finding::new(Code::AddressElsewhere, title, word.span)
        .label(format!("it listens at {listens}"))
        .help(format!(
            "write one of the agent's addresses, or start the agent with `--listen {}`",
            word.text
        ));
    findings.push(listed_spans(finding, others.into_iter()));
}

fn tls(case: &Case<'_>, engine: &Engine<'_>, findings: &mut Vec<Finding>) {
    let backend = engine
        .backend()
        .and_then(|name| case.configuration.backend(&name.text));
    let Some(backend) = backend else {
        return;
    };
    for (line, address) in engine.servers(case.configuration) {
        // TLS is for TCP sockets.
        let unix = matches!(Address::parse(&address.text), Some(Address::Unix(_)));
        if unix || address.text.starts_with("abns") || !address.known {
            continue;
        }
        let words = case.server_words(backend, line);
        let mut said = words.iter().rev();
        let said = said.find(|word| word.is("ssl") || word.is("no-ssl"));
        let ssl = said.filter(|word| word.is("ssl"));
        findings.extend(match (&case.agent.tls, ssl) {
            (Some(tls), Some(ssl)) if tls.mutual && !words.iter().any(|word| word.is("crt")) => {
                let title = format!(
                    "the agent requires a certificate from HAProxy, and the server `{}` has none",
                    address.text
                );
                Some(
                    Finding::new(Code::TlsDiffers, title, ssl.span)
                        .label("`crt FILE` is missing")
                        .note("`doctor` reads `--tls-client-ca` and SPOA_TLS_CLIENT_CA, as `serve` does")
                        .help("write `crt FILE` after `ssl`: a file with a key and a certificate that the authority in the agent's `--tls-client-ca` has signed"),
                )
            }
            (Some(_), None) => {
                let title = format!("the agent speaks TLS, and HAProxy connects to `{}` without it", address.text);
                Some(
                    Finding::new(Code::TlsDiffers, title, address.span)
                        .label("`ssl` is missing")
                        .help("write `ssl verify required ca-file FILE` after it, with the file of the authority that signed the agent's certificate"),
                )
            }
            (None, Some(ssl)) => {
                let title = format!("HAProxy connects to `{}` with TLS, and the agent does not speak it", address.text);
                Some(
                    Finding::new(Code::TlsDiffers, title, ssl.span)
                        .label("the agent has no certificate")
                        .note("`doctor` reads `--tls-cert` and SPOA_TLS_CERT, as `serve` does")
                        .help("start the agent with `--tls-cert FILE`, or remove `ssl`"),
                )
            }
            _ => None,
        });
    }
}

//! Backends and servers that samples such as `nbsrv(agents)` name, and filters that `filter-sequence`
//! leaves out.

use super::super::engine::Engine;
use super::super::grammar::RULES;
use super::super::{Case, Code, Finding};
use crate::Series;
use crate::read::{Line, Section, Word};
use spoa_facts::nearest;

/// Samples that take the name of a backend.
const OF_BACKENDS: [&str; 7] = [
    "nbsrv",
    "be_conn",
    "be_conn_free",
    "be_sess_rate",
    "connslots",
    "avg_queue",
    "queue",
];

/// Samples that take the name of a server: `BACKEND/SERVER`.
const OF_SERVERS: [&str; 8] = [
    "srv_is_up",
    "srv_conn",
    "srv_conn_free",
    "srv_queue",
    "srv_sess_rate",
    "srv_weight",
    "srv_iweight",
    "srv_uweight",
];

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        let messages = engine.messages();
        let lines = messages.flat_map(|message| &message.lines);
        for word in lines.flat_map(|line| &line.words) {
            findings.extend(of_word(case, word, true));
        }
        let lines = engine.messages().flat_map(|message| &message.lines);
        for word in lines.flat_map(samples) {
            findings.extend(unnamed(case, engine.filter.proxy, word, true));
        }
        findings.extend(left_out(case, engine));
    }
    // A file that is not given here may have the backend: in rules, only misspelt names are a fault.
    for (proxy, section) in case.configuration.sections.iter().enumerate() {
        for word in section.lines.iter().flat_map(Line::of_samples) {
            findings.extend(of_word(case, word, false));
        }
        for word in section.lines.iter().flat_map(samples) {
            findings.extend(unnamed(case, proxy, word, false));
        }
    }
}

impl Line {
    /// Returns the words of a rule or an `acl`, where samples are.
    fn of_samples(&self) -> &[Word] {
        const OTHERS: [&str; 4] = ["acl", "use_backend", "monitor", "redirect"];
        if RULES.contains(&self.word(0)) || OTHERS.contains(&self.word(0)) {
            self.after(1)
        } else {
            &[]
        }
    }
}

/// Returns the words of a line that are, or hold, sample expressions: those of tests and arguments, and log
/// formats.
pub(super) fn samples(line: &Line) -> impl Iterator<Item = &Word> {
    let before = std::iter::once(None).chain(line.words.iter().map(Some));
    let pairs = before.zip(&line.words).enumerate();
    pairs.filter_map(move |(index, (before, word))| {
        let tested = before.is_some_and(|before| before.is("{"))
            || index == 2 && line.begins(&["acl"])
            || index > 0 && line.begins(&["args"]);
        (tested || word.text.contains("%[")).then_some(word)
    })
}

/// A sample such as `nbsrv` that names no backend or no server where HAProxy needs one. Without a name, it
/// means the proxy it is in, and a frontend has no servers.
fn unnamed(case: &Case<'_>, proxy: usize, word: &Word, of_spoe: bool) -> Option<Finding> {
    let section = case.configuration.sections.get(proxy)?;
    if !word.known {
        return None;
    }
    let in_frontend = section.kind() == "frontend";
    let text = word.text.as_str();
    let formats: Vec<_> = text.match_indices("%[").map(|(at, _)| at + 2).collect();
    let starts = if formats.is_empty() {
        vec![text.find('=').map_or(0, |at| at + 1)]
    } else {
        formats
    };
    starts.into_iter().find_map(|start| {
        let rest = text.get(start..)?;
        let ends = |c: char| matches!(c, '(' | ',' | ')' | ']');
        let name = rest.get(..rest.find(ends).unwrap_or(rest.len()))?;
        let arguments = rest.get(name.len()..)?.strip_prefix('(');
        let inner = arguments.and_then(|it| it.split([')', ',']).next());
        let inner = inner.unwrap_or_default();
        let of_server = OF_SERVERS.contains(&name);
        let local = !inner.contains(['/', '%', '"', '\'']) && (inner.is_empty() || in_frontend);
        let of_backend = OF_BACKENDS.contains(&name) && in_frontend && inner.is_empty();
        if !(of_backend || of_server && local) {
            return None;
        }
        let engine = case.engines.iter().find(|it| it.filter.proxy == proxy);
        let backend = engine.and_then(Engine::backend).filter(|_| of_spoe);
        let (title, help) = match (of_server, backend) {
            (true, Some(backend)) if inner.is_empty() => (
                format!("`{name}` names no server"),
                format!(
                    "write `{name}({}/{})`",
                    backend.text,
                    first_server(case, &backend.text)
                ),
            ),
            (true, _) if inner.is_empty() => (
                format!("`{name}` names no server"),
                "write a backend, a slash and a server in parentheses after it".to_owned(),
            ),
            (true, _) => (
                format!("`{name}` names no backend, and a frontend has no servers"),
                "write the name of the server's backend and a slash before the server's name"
                    .to_owned(),
            ),
            (false, Some(backend)) => (
                format!("`{name}` names no backend, and a frontend has no servers"),
                format!("write `{name}({})`", backend.text),
            ),
            (false, None) => (
                format!("`{name}` names no backend, and a frontend has no servers"),
                "write the name of a backend in parentheses after it".to_owned(),
            ),
        };
        let span = word.part(start..start + name.len());
        let finding =
            Finding::new(Code::BackendOfSample, title, span).label("HAProxy does not start");
        let finding = if of_spoe {
            finding.note("HAProxy says only `parsing [(null):0]: proxy`, without the file")
        } else {
            finding
        };
        Some(
            finding
                .context(section.head.span(), "the proxy it is in")
                .help(help),
        )
    })
}

/// Returns the name of a backend's first server.
fn first_server<'a>(case: &Case<'a>, backend: &str) -> &'a str {
    let index = case.configuration.backend(backend);
    let section = index.and_then(|index| case.configuration.sections.get(index));
    let server = section.and_then(|section| section.all(&["server"]).next());
    server.map_or("NAME", |line| line.word(1))
}

/// Finds the backend or the server that a word names, if it is not there.
fn of_word(case: &Case<'_>, word: &Word, of_spoe: bool) -> Option<Finding> {
    let text = word.text.as_str();
    let part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    for (at, _) in text.match_indices('(').filter(|_| word.known) {
        let (before, rest) = text.split_at_checked(at)?;
        let start = before.rfind(|c| !part(c)).map_or(0, |at| at + 1);
        let fetch = before.get(start..)?;
        let inner = rest.get(1..)?.split([')', ',']).next()?;
        let server = OF_SERVERS.contains(&fetch);
        if inner.is_empty()
            || inner.contains(['%', '"', '\''])
            || !(server || OF_BACKENDS.contains(&fetch))
        {
            continue;
        }
        let (backend, name) = match inner.split_once('/') {
            Some((backend, name)) if server => (backend, Some(name)),
            // One of the proxy itself.
            _ if server => continue,
            _ => (inner, None),
        };
        let span = word.part(at + 1..at + 1 + inner.len());
        let Some(index) = case.configuration.backend(backend) else {
            let sections = case.configuration.sections.iter();
            let backends = sections
                .filter(|section| matches!(section.kind(), "backend" | "listen"))
                .map(Section::title);
            let near = nearest(backend, backends);
            let mut sections = case.configuration.sections.iter();
            let frontend = sections.any(|it| it.kind() == "frontend" && it.title() == backend);
            if near.is_none() && !of_spoe && !frontend {
                continue;
            }
            let title = format!("`{fetch}` names the backend `{backend}`, which does not exist");
            let finding =
                Finding::new(Code::BackendOfSample, title, span).label("HAProxy does not start");
            // HAProxy says no line of a SPOE file: `parsing [(null):0]`.
            let finding = if of_spoe {
                finding.note(
                    "HAProxy says only `parsing [(null):0]: unable to find`, without the file",
                )
            } else {
                finding
            };
            return Some(match (near, name) {
                (Some(near), None) => finding.help(format!("write `{fetch}({near})`")),
                (Some(near), Some(name)) => finding.help(format!("write `{fetch}({near}/{name})`")),
                (None, _) if frontend => finding
                    .note(format!("`{backend}` is a frontend, which has no servers"))
                    .help("write the name of a backend in its place"),
                (None, _) => finding.help(format!(
                    "write `backend {backend}` in haproxy.cfg, or the name of an existing backend"
                )),
            });
        };
        let (Some(name), Some(section)) = (name, case.configuration.sections.get(index)) else {
            continue;
        };
        let template = section.all(&["server-template"]).next().is_some();
        let uncertain = section.lines.iter().any(|line| !line.certain);
        let names: Vec<_> = section
            .all(&["server"])
            .filter_map(|line| line.words.get(1))
            .collect();
        let there = names.iter().any(|it| !it.known || it.text == name);
        if template || uncertain || there {
            continue;
        }
        let near = nearest(name, names.iter().map(|it| it.text.as_str()));
        let title = format!("`{fetch}` names the server `{inner}`, which does not exist");
        let finding =
            Finding::new(Code::BackendOfSample, title, span).label("HAProxy does not start");
        return Some(match (near, names.as_slice()) {
            (Some(near), _) => finding.help(format!("write `{fetch}({backend}/{near})`")),
            (None, [only]) => finding.help(format!("write `{fetch}({backend}/{})`", only.text)),
            (None, _) => finding.help(format!("name a server of `backend {backend}`")),
        });
    }
    None
}

/// A `filter-sequence` without `spoe`: HAProxy from 3.5 on then runs no engine.
fn left_out(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    if case.series.is_some_and(|series| series < Series::V3_5) {
        return None;
    }
    let section = case.configuration.sections.get(engine.filter.proxy)?;
    for side in ["request", "response"] {
        let lines = section.lines.iter();
        let lines: Vec<_> = lines
            .filter(|line| line.begins(&["filter-sequence", side]))
            .collect();
        let mut words = lines.iter().filter_map(|line| line.words.get(2));
        let mut names = words.clone().flat_map(|word| word.text.split(','));
        let unknown =
            words.clone().any(|word| !word.known) || lines.iter().any(|line| !line.certain);
        if unknown || names.any(|name| name == "spoe") || !engine.sends(case, side == "response") {
            continue;
        }
        // The lists of several lines are one.
        let Some(word) = words.next_back() else {
            continue;
        };
        let title = format!(
            "`filter-sequence {side}` leaves the engine `{}` out",
            engine.name()
        );
        return Some(
            Finding::new(Code::FilterLeftOut, title, word.span)
                .label("a filter that is not listed is not run")
                .context(engine.filter.line.span(), "this filter")
                .help(format!("write `filter-sequence {side} {},spoe`", word.text)),
        );
    }
    None
}

impl Engine<'_> {
    /// Returns whether it sends a message with the request, or with the response.
    fn sends(&self, case: &Case<'_>, response: bool) -> bool {
        let mut steps = case.paths.iter().flat_map(|path| &path.steps);
        steps.any(|step| {
            let sent = step.message.and_then(|sent| case.engines.get(sent.engine));
            step.phase.of_response() == response
                && sent.is_some_and(|engine| std::ptr::eq(engine.filter, self.filter))
        })
    }
}

//! Ways for clients to get past the agent: another entrance, another form of the URL, a header of their own.

use super::super::engine::Engine;
use super::super::rule::{Change, End, How, Term, action, end};
use super::super::steps::{Path, Phase, Step, backends};
use super::super::{Case, Code, Finding};
use super::arguments::GivenArgument;
use super::headers::is_of_clients;
use crate::read::{Line, Section, Span};
use crate::{Presence, Series};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in case.ours() {
        entrances(case, engine, findings);
        for message in engine.messages() {
            findings.extend(absolute(case, message));
        }
    }
    headers(case, findings);
}

/// Frontends without the filter that lead to a backend which others lead to through it.
fn entrances(case: &Case<'_>, engine: &Engine<'_>, findings: &mut Vec<Finding>) {
    let configuration = case.configuration;
    let front = engine.filter.proxy;
    let Some(section) = configuration.sections.get(front) else {
        return;
    };
    if section.kind() != "frontend" {
        return;
    }
    let guarded: Vec<_> = backends(configuration, front)
        .into_iter()
        .flatten()
        .collect();
    for (index, sibling) in configuration.sections.iter().enumerate() {
        if sibling.kind() != "frontend" || index == front || !is_open(case, index) {
            continue;
        }
        let filtered = |proxy: usize| {
            let mut filters = configuration.filters.iter();
            filters.any(|filter| filter.proxy == proxy)
        };
        let mut shared = backends(configuration, index).into_iter().flatten();
        let shared = shared.find(|backend| guarded.contains(backend) && !filtered(*backend));
        let backend = shared.and_then(|backend| configuration.sections.get(backend));
        let (Some(backend), Some(name), false) = (backend, sibling.name(), filtered(index)) else {
            continue;
        };
        let title = format!(
            "requests through `{}` reach `{}` without passing the agent",
            name.text,
            backend.title()
        );
        findings.push(
            Finding::new(Code::OtherEntrance, title, name.span)
                .label("has no filter")
                .context(
                    engine.filter.line.span(),
                    format!("the filter is in `{}`", section.title()),
                )
                .help("write the filter and its rules here, too, if clients come this way"),
        );
    }
}

/// Returns whether a frontend takes clients from elsewhere, and does not redirect or answer them all itself.
fn is_open(case: &Case<'_>, proxy: usize) -> bool {
    let Some(section) = case.configuration.sections.get(proxy) else {
        return false;
    };
    let mut binds = section.lines.iter().filter(|line| line.word(0) == "bind");
    let from_elsewhere = binds.any(|line| {
        let address = line.word(1);
        let local = [
            "127.",
            "localhost",
            "[::1]",
            "::1",
            "unix@",
            "abns",
            "/",
            "fd@",
            "sockpair@",
            "rhttp@",
        ];
        let known = line.words.get(1).is_some_and(|word| word.known);
        let address = ["ipv4@", "ipv6@", "quic4@", "quic6@"]
            .iter()
            .find_map(|family| address.strip_prefix(family))
            .unwrap_or(address);
        known && line.certain && !local.iter().any(|it| address.starts_with(it))
    });
    let turned_away = case.configuration.lines(proxy).any(|line| {
        let ends = end(line) == End::All;
        let scheme = line.words.iter().any(|word| word.text == "scheme")
            && line.words.iter().any(|word| word.text == "redirect");
        let conditional = line
            .words
            .iter()
            .any(|word| word.is("if") || word.is("unless"));
        scheme || (ends && !conditional)
    });
    from_elsewhere && !turned_away
}

/// `url` as an argument where clients speak HTTP/2: it has the scheme and the host then.
fn absolute(case: &Case<'_>, message: &Section) -> Option<Finding> {
    let handler = case.handler(message.title())?;
    let given = GivenArgument::all(message);
    let given = given.into_iter().find(|given| {
        let wanted = handler.arguments.iter().any(|argument| {
            argument.name.as_deref() == given.name
                && argument.sample.as_deref() == Some(given.sample())
        });
        given.sample() == "url" && given.word.known && !wanted
    })?;
    let mut paths = case.paths.iter().filter(|path| {
        path.steps.iter().any(|step| {
            let sent = step.message;
            sent.is_some_and(|sent| std::ptr::eq(sent.section, message))
                && step.phase >= Phase::FrontendHttpEvent
        })
    });
    let bind = paths.find_map(|path| {
        let front = case.configuration.sections.get(path.frontend?)?;
        let mut binds = front.lines.iter().filter(|line| line.word(0) == "bind");
        binds.find(|line| line.certain && speaks_h2(line, case.series))
    })?;
    let sample = given
        .word
        .part(given.word.text.len() - 3..given.word.text.len());
    let name = given.name.map_or(String::new(), |name| format!("{name}="));
    let title = "`url` begins with the scheme and the host for clients that speak HTTP/2";
    Some(
        Finding::new(Code::UrlAbsolute, title, sample)
            .label("`/path?query` only with HTTP/1.1")
            .context(bind.span(), "accepts HTTP/2")
            .help(format!(
                "write `{name}pathq`, which is the path and the query in all versions of HTTP"
            )),
    )
}

/// Returns whether clients may speak HTTP/2 or HTTP/3 to a `bind`, as far as it says so.
fn speaks_h2(line: &Line, series: Option<Series>) -> bool {
    let says = |word: &str| line.words.iter().any(|it| it.is(word));
    if line.word(1).starts_with("quic") {
        return true;
    }
    let value = |key: &str| {
        let mut words = line.words.iter();
        words.find(|word| word.is(key))?;
        words.next().map(|word| word.text.as_str())
    };
    match (value("alpn"), value("proto")) {
        (_, Some(proto)) => proto == "h2",
        (Some(alpn), None) => alpn.split(',').any(|name| name == "h2"),
        // From 2.8 on it is the default of TLS.
        (None, None) => {
            says("ssl") && !says("no-alpn") && series.is_some_and(|series| series >= Series::V2_8)
        }
    }
}

/// Headers that a rule makes of the agent's answer on a condition, and that clients may send themselves.
fn headers(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut said: Vec<Span> = Vec::new();
    for path in &case.paths {
        for step in &path.steps {
            let Some(header) = step.header.filter(|header| !header.response) else {
                continue;
            };
            let adds = match header.change {
                Change::Set if step.condition.is_some() => false,
                Change::Add => true,
                _ => continue,
            };
            if is_of_clients(&header.name.to_ascii_lowercase(), false)
                || said.contains(&step.line.span())
                || step.line.word(0) != "http-request"
                || header.name.contains('%')
            {
                continue;
            }
            let Some(variable) = of_agent(case, path, step) else {
                continue;
            };
            let changed = path.steps.iter().any(|other| {
                let same = other.header.is_some_and(|it| {
                    !it.response
                        && it.change != Change::Add
                        && it.name.eq_ignore_ascii_case(header.name)
                });
                let matched = other.line.begins(&["http-request", "del-header"])
                    && other.line.words.iter().any(|word| word.is("-m"));
                (same || matched) && !std::ptr::eq(other.line, step.line)
            });
            if changed || (!adds && answered_otherwise(case, path, step)) {
                continue;
            }
            said.push(step.line.span());
            let title = format!("a client's own `{}` reaches the server", header.name);
            let finding = Finding::new(Code::HeaderOfClient, title, header.word.span);
            let finding = if adds {
                finding.label(format!(
                    "the client's value stays beside that of `{variable}`"
                ))
            } else {
                finding.label("where the condition is false, the server gets what the client sent")
            };
            findings.push(finding.help(format!(
                "write `http-request del-header {}` before it",
                header.name
            )));
        }
    }
}

/// Returns the variable that the agent sets and a rule makes its header of.
fn of_agent<'s>(case: &Case<'_>, path: &Path<'_>, step: &'s Step<'_>) -> Option<&'s str> {
    let value = action(step.line).get(2..)?;
    let of_value = step.mentions.iter().filter(|mention| {
        mention.how == How::Read && value.iter().any(|word| std::ptr::eq(word, mention.word))
    });
    let mut set = of_value.filter(|mention| {
        path.before(step.at).any(|other| {
            other.answers.contains(&mention.variable)
                && other
                    .message
                    .and_then(|sent| case.engines.get(sent.engine))
                    .is_some_and(|it| it.ours)
        })
    });
    set.next().map(|mention| mention.variable.as_str())
}

/// Returns whether requests for which the condition of a step does not hold are denied by another rule.
fn answered_otherwise(case: &Case<'_>, path: &Path<'_>, step: &Step<'_>) -> bool {
    let Some(condition) = &step.condition else {
        return false;
    };
    let [terms] = condition.alternatives.as_slice() else {
        return false;
    };
    let [needed] = terms.as_slice() else {
        return false;
    };
    let applied = needed.negated == condition.unless();
    let mut ends = path
        .steps
        .iter()
        .filter(|other| other.end == End::All && !other.phase.of_response());
    ends.any(|other| {
        let Some(denies) = &other.condition else {
            return false;
        };
        let terms: Vec<_> = match denies.unless() {
            true if denies.alternatives.len() == 1 => denies.terms().collect(),
            true => Vec::new(),
            false => {
                let alone = denies.alternatives.iter().filter(|terms| terms.len() == 1);
                alone.flatten().collect()
            }
        };
        terms.into_iter().any(|term| {
            let denied = term.negated == denies.unless();
            denied != applied
                && (same(needed, term) || (applied && missing(case, path, needed, term)))
        })
    })
}

/// Returns whether two terms test the same.
fn same(one: &Term<'_>, other: &Term<'_>) -> bool {
    fn text(term: &Term<'_>) -> Vec<String> {
        let tests = term.tests.iter().map(|test| {
            let words = test.flags.iter().chain(test.patterns);
            let words: Vec<_> = words.map(|word| word.text.as_str()).collect();
            format!("{} {}", test.expression.text, words.join(" "))
        });
        tests.collect()
    }
    text(one) == text(other) && (!one.tests.is_empty() || one.name == other.name)
}

/// Returns whether a term cannot hold where another, which asks for a variable, does not: it asks for the same
/// variable, or for one that comes with the same answer.
fn missing(case: &Case<'_>, path: &Path<'_>, needed: &Term<'_>, term: &Term<'_>) -> bool {
    let found = match needed.tests.as_slice() {
        [test] if test.asks_whether_found() => test.variable(),
        _ => None,
    };
    let [asked] = term.tests.as_slice() else {
        return false;
    };
    let (Some(found), Some(asked)) = (found, asked.variable()) else {
        return false;
    };
    found == asked
        || path.setters(found).any(|sets| {
            let with_it = sets.answers.iter().any(|name| name == asked);
            with_it && always(case, sets, found)
        })
}

/// Returns whether each answer to a message sets a variable.
fn always(case: &Case<'_>, sets: &Step<'_>, variable: &str) -> bool {
    let Some(sent) = sets.message else {
        return false;
    };
    let (Some(engine), Some(handler)) = (
        case.engines.get(sent.engine),
        case.handler(sent.section.title()),
    ) else {
        return false;
    };
    let mut variables = handler.variables.iter();
    variables.any(|it| {
        it.presence == Presence::Always && engine.variable(&it.scope, &it.name) == variable
    })
}

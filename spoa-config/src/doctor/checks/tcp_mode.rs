//! Events and rules of HTTP, in proxies whose connections stay TCP.

use super::super::engine::Engine;
use super::super::rule::{Condition, mentions};
use super::super::{Case, Code, Finding, steps};
use super::arguments::GivenArgument;
use super::samples::sample;
use super::{listed_spans, some};
use crate::read::{Line, Section, Span, Word};
use spoa_facts::Event;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut reported: Vec<Span> = Vec::new();
    let of_tcp = |engine: &&Engine<'_>| case.stays_tcp(engine.filter.proxy);
    for engine in case.engines.iter().filter(of_tcp) {
        let event = of_event(case, engine);
        // One finding for one cause: `mode http` fixes both, and those of all sites that share the file.
        let Some(finding) = event.or_else(|| of_rule(case, engine)) else {
            continue;
        };
        if !reported.contains(&finding.primary.span) {
            reported.push(finding.primary.span);
            findings.push(finding);
        }
    }
}

fn of_event(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let (message, word, instead) = unsent(case, engine)?;
    let sharing: Vec<_> = case
        .sharing(engine)
        .filter(|other| case.stays_tcp(other.filter.proxy))
        .filter(|other| unsent(case, other).is_some_and(|(_, it, _)| it.span == word.span))
        .collect();
    let proxy = case.configuration.sections.get(engine.filter.proxy)?;
    let name = format!("{} {}", proxy.kind(), proxy.title());
    let title = format!("the event `{}` never happens in `{name}`", word.text);
    let filters = sharing.iter().map(|other| other.filter.line.span());
    let filters: Vec<_> = filters
        .filter(|it| *it != engine.filter.line.span())
        .collect();
    let finding = Finding::new(Code::EventOfHttp, title, word.span)
        .label("happens only for HTTP, so the message is never sent")
        .context(
            engine.filter.line.span(),
            "the filter is in a proxy of `mode tcp`",
        );
    let mode = mode_to_write(case, &sharing);
    // The file may be that of a site of HTTP, too.
    let shared = case
        .sharing(engine)
        .any(|other| !case.stays_tcp(other.filter.proxy));
    let instead = if shared {
        "remove the filter".to_owned()
    } else if is_for_any(case, message) {
        format!("write `event {instead}`")
    } else {
        "remove the message".to_owned()
    };
    Some(
        listed_spans(finding, filters.into_iter())
            .help(format!("{mode}; if connections should stay TCP, {instead}")),
    )
}

/// Returns the first message whose event never happens in the proxy of an engine, that event, and the one of TCP. Other
/// messages may be for sites that share the file, unless a handler waits for them.
fn unsent<'a>(case: &Case<'a>, engine: &Engine<'a>) -> Option<(&'a Section, &'a Word, Event)> {
    let asked = is_asked(case, engine);
    let mut sharing = case.sharing(engine);
    let alone = sharing.all(|other| case.stays_tcp(other.filter.proxy));
    let proxy = case.configuration.sections.get(engine.filter.proxy)?;
    engine.events().find_map(|(message, word)| {
        let known = word.text.parse::<Event>().ok()?;
        // An event of frontends in a backend is reported instead.
        let here = proxy.kind() != "backend" || known.in_backends() == known;
        let handled = alone && case.handler(message.title()).is_some();
        let instead = known.in_tcp().filter(|_| here && (!asked || handled));
        Some((message, word, instead?))
    })
}

/// Returns whether a message can be sent for any connection: its samples are there, and it has no condition.
fn is_for_any(case: &Case<'_>, message: &Section) -> bool {
    let conditions = ["if", "unless"];
    let mut words = message.lines.iter().flat_map(|line| &line.words);
    let given = GivenArgument::all(message);
    let mut samples = given.iter().map(|given| sample(case, given.sample()));
    !words.any(|word| conditions.contains(&word.text.as_str()))
        && samples.all(|sample| sample.is_ok_and(|it| it.at(Event::ClientSession)))
}

/// Returns the finding about a rule that sends a group to the agent, or reads its answer.
fn of_rule(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    const OF_HTTP: [&str; 4] = [
        "http-request",
        "http-response",
        "http-after-response",
        "redirect",
    ];
    let sends = |line: &Line| {
        let mut rules = case.rules.iter();
        rules.any(|rule| std::ptr::eq(rule.line, line) && rule.engine.text == engine.name())
    };
    let reads = |line: &Line, proxy: &Section| {
        let condition = Condition::of(line, proxy);
        let tested = condition.map_or(Vec::new(), |condition| condition.mentions());
        let mut all = mentions(line).into_iter().chain(tested);
        all.any(|mention| engine.inside(&mention.variable).is_some())
    };
    // Rules of `defaults` may be for other proxies that take them.
    let at = engine.filter.proxy;
    let (proxy, line) = places(case, at).into_iter().find_map(|proxy| {
        let of_http = |line: &&Line| OF_HTTP.contains(&line.word(0));
        let mut lines = proxy.lines.iter().filter(of_http);
        Some((proxy, lines.find(|line| sends(line) || reads(line, proxy))?))
    })?;
    let (kind, name) = (proxy.kind(), proxy.title());
    let keyword = line.word(0);
    let title = format!("HAProxy ignores the `{keyword}` rules of `{kind} {name}`");
    let mode = mode_to_write(case, &[engine]);
    Some(
        Finding::new(Code::RuleOfHttp, title, line.span())
            .label("this rule needs `mode http`")
            .context(engine.filter.line.span(), "the filter of its engine")
            .help(format!(
                "{mode}; if connections should stay TCP, write a rule of TCP instead"
            )),
    )
}

/// Returns a proxy, and the backends that it leads to.
fn places<'a>(case: &Case<'a>, at: usize) -> Vec<&'a Section> {
    let backends = steps::backends(case.configuration, at)
        .into_iter()
        .flatten();
    let places = [at]
        .into_iter()
        .chain(backends.filter(|backend| *backend != at));
    places
        .filter_map(|at| case.configuration.sections.get(at))
        .collect()
}

/// Returns the help that makes the connections of engines' proxies HTTP.
pub(super) fn mode_to_write(case: &Case<'_>, engines: &[&Engine<'_>]) -> String {
    let places = engines
        .iter()
        .flat_map(|engine| places(case, engine.filter.proxy));
    let names = places.map(|section| format!("{} {}", section.kind(), section.title()));
    format!("write `mode http` in {}", some(names))
}

/// Returns whether an engine sends its agent anything.
pub(super) fn is_asked(case: &Case<'_>, engine: &Engine<'_>) -> bool {
    let proxy = engine.filter.proxy;
    let of_tcp = case.stays_tcp(proxy);
    let of_http = |word: &Word| word.text.parse().ok().and_then(Event::in_tcp).is_some();
    let sends = |line: &Line| {
        let runs = !of_tcp || line.word(0).starts_with("tcp-");
        let mut rules = case
            .rules
            .iter()
            .filter(|rule| std::ptr::eq(rule.line, line));
        runs && rules.any(|rule| {
            let mut groups = engine.listed("groups");
            rule.engine.text == engine.name() && groups.any(|it| it.text == rule.group.text)
        })
    };
    engine.events().any(|(_, word)| !of_tcp || !of_http(word))
        || case.configuration.lines(proxy).any(sends)
}

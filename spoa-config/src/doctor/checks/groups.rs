//! Groups: listed, described, sent.

use super::super::engine::{Engine, GroupRule, event};
use super::super::{Case, Code, Finding, Severity};
use super::arguments::GivenArgument;
use super::listed_spans;
use super::raw_data::{awaited_by, delays, looks_once};
use super::samples::takes_http;
use super::tcp_mode::{is_asked, mode_to_write};
use crate::read::{Section, Word};
use spoa_facts::{Event, Proxy, nearest};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for (index, engine) in case.engines.iter().enumerate() {
        for word in engine.listed("groups").filter(|word| word.known) {
            if engine.groups().all(|group| group.title() != word.text) {
                let title = format!("there is no section `spoe-group {}`", word.text);
                let listed: Vec<_> = engine.listed("groups").map(|it| it.text.as_str()).collect();
                let others = engine.groups().map(Section::title);
                let near = nearest(&word.text, others.filter(|name| !listed.contains(name)));
                let sent = case
                    .rules
                    .iter()
                    .any(|rule| rule.group.text == word.text && rule.engine.text == engine.name());
                findings.push(
                    Finding::new(Code::GroupMissing, title, word.span)
                        .label("listed, but it has no section")
                        .help(match near {
                            Some(near) => format!("write `{near}`"),
                            None if sent => {
                                format!("write `spoe-group {}` with its `messages`", word.text)
                            }
                            None => "remove it from this line".to_owned(),
                        }),
                );
                continue;
            }
            // Several filters may have one engine's file.
            let mut others = case.engines.iter().take(index);
            let first = others.all(|other| other.listed("groups").all(|it| it.span != word.span));
            if first {
                findings.extend(unsent(case, engine, word));
            }
        }
        for group in engine.groups() {
            findings.extend(group.name().and_then(|name| {
                let listed = engine
                    .listed("groups")
                    .any(|word| !word.known || word.text == name.text);
                let sent = case.rules.iter().any(|rule| rule.group.text == name.text);
                // If a rule sends the group, that rule is reported instead.
                (!listed && !sent && name.known).then(|| {
                    let title = format!("the group `{}` is in no list", name.text);
                    Finding::new(Code::GroupUnlisted, title, name.span)
                        .label("so no rule can send it")
                        .context(engine.span(), "not among the `groups` of this agent")
                        .help(format!(
                            "write `groups {}` in the agent's section",
                            name.text
                        ))
                })
            }));
        }
    }
    for rule in case.rules {
        findings.extend(of_rule(case, rule));
    }
}

/// A group that no rule sends, though its messages need one.
fn unsent(case: &Case<'_>, engine: &Engine<'_>, word: &Word) -> Option<Finding> {
    // If a rule sends a group of a similar name, that rule is reported instead.
    let sent = case.rules.iter().any(|rule| {
        let listed = || engine.listed("groups").map(|it| it.text.as_str());
        !rule.group.known
            || rule.group.text == word.text
            || (listed().all(|name| name != rule.group.text)
                && nearest(&rule.group.text, listed()) == Some(&word.text))
    });
    let messages: Vec<_> = engine.messages_of(&word.text).collect();
    let at_events = messages.iter().all(|message| {
        let mut listed = engine.listed("messages");
        listed.any(|it| it.text == message.title()) && event(message).is_some()
    });
    if sent || (at_events && !messages.is_empty()) {
        return None;
    }
    let sharing: Vec<_> = case.sharing(engine).collect();
    let of_tcp = |engine: &&Engine<'_>| case.may_stay_tcp(engine.filter.proxy);
    let of_http = messages.iter().any(|message| takes_http(message));
    let lacks_http = of_http && sharing.iter().all(of_tcp);
    let used = |engine: &&Engine<'_>| is_asked(case, engine) || engine.events().next().is_some();
    // Another site may share the file. If the events never happen here, that is reported instead.
    if lacks_http && sharing.iter().any(used) {
        return None;
    }
    let for_http = sharing.iter().find(|engine| of_http && !of_tcp(engine));
    let engine = for_http.copied().unwrap_or(engine);
    let asked = sharing.iter().any(|engine| is_asked(case, engine));
    let handled = messages.iter().any(|it| case.handler(it.title()).is_some());
    let filter = engine.filter.line.span();
    let title = format!("no rule sends the group `{}`", word.text);
    let finding = Finding::new(Code::GroupUnsent, title, word.span)
        .severity(if asked && !handled {
            Severity::Warning
        } else {
            Severity::Error
        })
        .label("its messages are never sent")
        .context(filter, "the filter of its engine");
    let others = sharing.iter().map(|other| other.filter.line.span());
    let others: Vec<_> = others.filter(|it| *it != filter).collect();
    let finding = listed_spans(finding, others.into_iter());
    let (name, group) = (engine.name(), &word.text);
    let place = "below the filter, and above the rules that read the answer";
    let at = engine.filter.proxy;
    let by_http = case.mode(at) == Some("http") || of_http && !case.may_stay_tcp(at);
    Some(match rule_for(case, engine, &messages, lacks_http || by_http) {
        Some(keyword) if lacks_http => finding.help(format!(
            "{}, and `{keyword} send-spoe-group {name} {group}` {place}",
            mode_to_write(case, &[engine])
        )),
        // Without a delay, content rules wait for no answer, and HAProxy does not even ask.
        Some(keyword @ ("tcp-request content" | "tcp-response content"))
            if !delays(case, engine.filter.proxy, rules_of(keyword)) =>
        {
            finding.help(format!(
                "write `{} inspect-delay 5s` and `{keyword} send-spoe-group {name} {group}` {place}",
                rules_of(keyword)
            ))
        }
        Some(keyword) => {
            finding.help(format!("write `{keyword} send-spoe-group {name} {group}` {place}"))
        }
        None => finding.help(format!(
            "write a rule `send-spoe-group {name} {group}` where all samples of its messages are available"
        )),
    })
}

/// Returns the keyword of rules: `tcp-request` of `tcp-request content`.
fn rules_of(keyword: &str) -> &str {
    keyword.split_once(' ').map_or(keyword, |(rules, _)| rules)
}

/// A content rule that sends nothing: it may not wait for an answer, so HAProxy does not even ask.
fn unsent_by(case: &Case<'_>, engine: &Engine<'_>, rule: &GroupRule<'_>) -> Option<Finding> {
    let rules = rule.line.word(0);
    let content = matches!(rules, "tcp-request" | "tcp-response") && rule.line.word(1) == "content";
    if !content || delays(case, rule.proxy, rules) {
        return None;
    }
    let response = rules == "tcp-response";
    let mut messages = engine.messages_of(&rule.group.text);
    let tcp = case.mode(rule.proxy) != Some("http");
    let awaited = messages.find_map(|message| awaited_by(message, response));
    let awaited = awaited.filter(|_| tcp && looks_once(case, rule));
    let title = format!("this rule never sends the group `{}`", rule.group.text);
    let finding = Finding::new(Code::GroupUnsent, title, rule.line.span()).label(format!(
        "without `{rules} inspect-delay`, the rule cannot wait for the answer"
    ));
    Some(match awaited {
        Some(test) => finding.help(format!(
            "write `{rules} inspect-delay 5s` above the rule, and `if {{ {test} }}` at its end"
        )),
        None => finding.help(format!("write `{rules} inspect-delay 5s` above the rule")),
    })
}

/// Returns the rule that has all samples of some messages.
fn rule_for(
    case: &Case<'_>,
    engine: &Engine<'_>,
    messages: &[&Section],
    of_http: bool,
) -> Option<&'static str> {
    let at = engine.filter.proxy;
    let (proxy, back) = match case.configuration.sections.get(at)?.kind() {
        "frontend" => (Proxy::Frontend, false),
        "backend" => (Proxy::Backend, true),
        _ => (Proxy::Listen, false),
    };
    let rules = match (of_http, back) {
        (true, false) => [
            ("http-request", Event::FrontendHttpRequest),
            ("http-response", Event::HttpResponse),
        ],
        (true, true) => [
            ("http-request", Event::BackendHttpRequest),
            ("http-response", Event::HttpResponse),
        ],
        (false, false) => [
            ("tcp-request content", Event::FrontendTcpRequest),
            ("tcp-response content", Event::TcpResponse),
        ],
        (false, true) => [
            ("tcp-request content", Event::BackendTcpRequest),
            ("tcp-response content", Event::TcpResponse),
        ],
    };
    let given: Vec<_> = messages
        .iter()
        .flat_map(|it| GivenArgument::all(it))
        .collect();
    let has = |event: Event| {
        given.iter().all(|given| {
            let sample = super::samples::sample(case, given.sample());
            // A wrong sample is reported instead.
            sample.map_or(true, |sample| sample.at_in(event, proxy))
        })
    };
    // HAProxy has no content rules for the responses of frontends.
    let known = |keyword: &str| proxy != Proxy::Frontend || keyword != "tcp-response content";
    let mut rules = rules.into_iter();
    let found = rules.find(|(keyword, event)| known(keyword) && has(*event));
    found.map(|(keyword, _)| keyword)
}

fn of_rule(case: &Case<'_>, rule: &GroupRule<'_>) -> Option<Finding> {
    if !rule.engine.known || !rule.group.known {
        return None;
    }
    let (engine, group) = (&rule.engine.text, &rule.group.text);
    let mut here = case
        .engines
        .iter()
        .filter(|engine| engine.filter.proxy == rule.proxy);
    let Some(found) = here.clone().find(|it| it.name() == engine) else {
        // A filter with a wrong file or scope is reported instead.
        let mut filters = case.configuration.filters.iter();
        if filters.any(|filter| {
            filter.proxy == rule.proxy
                && filter
                    .engine
                    .as_ref()
                    .is_none_or(|it| !it.known || it.text == *engine)
                && !case
                    .engines
                    .iter()
                    .any(|engine| std::ptr::eq(engine.filter, filter))
        }) {
            return None;
        }
        let proxy = case.configuration.sections.get(rule.proxy)?;
        let title = format!("`{}` has no engine `{engine}`", proxy.title());
        let finding = Finding::new(Code::GroupUndeclared, title, rule.engine.span)
            .label("no filter of this section has this engine");
        let near = nearest(engine, here.clone().map(|it| it.name()));
        let only = here
            .next()
            .map(|it| it.name())
            .filter(|_| here.next().is_none());
        return Some(match near.or(only) {
            Some(near) => finding.help(format!("write `send-spoe-group {near} {group}`")),
            None => finding.help(format!(
                "write `filter spoe engine {engine} config FILE` in this section, too"
            )),
        });
    };
    if found
        .listed("groups")
        .any(|word| !word.known || word.text == *group)
    {
        return unsent_by(case, found, rule);
    }
    let title = format!("the engine `{engine}` has no group `{group}`");
    let finding = Finding::new(Code::GroupUndeclared, title, rule.group.span)
        .label("sent here, but not listed in its `groups`")
        .context(found.span(), "the engine's agent");
    let described = found.groups().any(|it| it.title() == group);
    let near = nearest(group, found.listed("groups").map(|word| word.text.as_str()));
    Some(match near {
        _ if described => finding.help(format!("write `groups {group}` in the agent's section")),
        Some(near) => finding.help(format!("write `send-spoe-group {engine} {near}`")),
        None => finding.help(format!(
            "write a section `spoe-group {group}`, and `groups {group}` in the agent's section"
        )),
    })
}

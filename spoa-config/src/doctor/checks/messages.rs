//! Messages, their events, and the handlers that answer them.

use super::super::engine::{Engine, event, listed};
use super::super::{Case, Code, Finding, Severity};
use super::samples::takes_http;
use crate::Message;
use crate::read::{Section, Word};
use spoa_facts::{Event, UnknownEvent, all_of, nearest, one_of};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        for message in engine.messages() {
            findings.extend(unlisted(engine, message));
            findings.extend(of_event(case, engine, message));
        }
        let of_groups = engine.groups().flat_map(|group| listed(group, "messages"));
        for word in engine.listed("messages").chain(of_groups) {
            findings.extend(missing(case, engine, word));
        }
    }
    let mut meant = Vec::new();
    let mut strangers = Vec::new();
    for engine in case.ours() {
        for message in engine.messages() {
            strangers.extend(unknown(case, engine, message, &mut meant));
        }
    }
    let handlers = case.agent.messages.iter();
    let idle: Vec<_> = handlers
        .filter(|handler| !meant.contains(&handler.name.as_str()) && !asked(case, handler))
        .collect();
    // Messages without a handler and handlers without a message may be meant for one another.
    let unpaired = strangers.iter().filter(|(near, _)| !near).count();
    if unpaired == 0 {
        findings.extend(idle.iter().filter_map(|handler| unasked(case, handler)));
    }
    for (near, finding) in strangers {
        findings.push(match idle.as_slice() {
            _ if near => finding,
            [] => finding,
            [only] if unpaired == 1 => finding
                .note(format!(
                    "the handler of `{}` has no message in the configuration",
                    only.name
                ))
                .help(format!(
                    "if you mean that one, write `spoe-message {}`",
                    only.name
                )),
            several => {
                let names: Vec<_> = several.iter().map(|it| it.name.as_str()).collect();
                finding.note(format!(
                    "the handlers of {} have no message in the configuration",
                    all_of(&names)
                ))
            }
        });
    }
}

/// Finds a message that no handler answers. A handler with a similar name is added
/// to `meant`.
fn unknown<'a>(
    case: &Case<'a>,
    engine: &Engine<'a>,
    message: &Section,
    meant: &mut Vec<&'a str>,
) -> Option<(bool, Finding)> {
    let name = message.name()?;
    if case.agent.fallback || !name.known || case.handler(&name.text).is_some() {
        return None;
    }
    let idle = case
        .agent
        .messages
        .iter()
        .filter(|handler| !asked(case, handler));
    let near = nearest(&name.text, idle.map(|handler| handler.name.as_str()));
    meant.extend(near);
    let title = format!("no handler answers the message `{}`", name.text);
    let finding = Finding::new(Code::MessageUnknown, title, name.span)
        .label("the agent does not know it")
        .context(engine.span(), "sent by this agent's engine");
    let finding = match near {
        Some(near) => finding.help(format!(
            "write `spoe-message {near}`, here and where it is listed"
        )),
        None => finding.help(format!(
            "write a handler with `#[spoe_message(\"{}\")]`, or remove the message",
            name.text
        )),
    };
    Some((near.is_some(), finding))
}

/// Returns whether a message of an engine is this handler's.
fn asked(case: &Case<'_>, handler: &Message) -> bool {
    let mut messages = case.ours().flat_map(Engine::messages);
    messages.any(|message| message.title() == handler.name)
}

fn unasked(case: &Case<'_>, handler: &Message) -> Option<Finding> {
    let engine = case.ours().next()?;
    let name = &handler.name;
    let title = format!("the configuration has no message `{name}`, so its handler never runs");
    let args: Vec<_> = handler
        .arguments
        .iter()
        .filter_map(|argument| {
            let name = argument.name.as_deref()?;
            let sample = argument.sample.as_deref().or(argument.guess.as_deref());
            Some(format!("{name}={}", sample.unwrap_or("…")))
        })
        .collect();
    let args = match args.as_slice() {
        [] => String::new(),
        args => format!(" with `args {}`", args.join(" ")),
    };
    let how = match (&handler.group, &handler.event) {
        (Some(group), _) => format!("and list it in `spoe-group {group}`"),
        (None, Some(event)) => format!("and `event {event}`, and list it after `messages`"),
        (None, None) => "and an `event`, and list it after `messages`".to_owned(),
    };
    Some(
        Finding::new(Code::HandlerUnasked, title, engine.span())
            .label(format!("has no `spoe-message {name}`"))
            .notes(handler.place())
            .help(format!("write `spoe-message {name}`{args}, {how}")),
    )
}

fn unlisted(engine: &Engine<'_>, message: &Section) -> Option<Finding> {
    let name = message.name()?;
    let of_groups = engine.groups().flat_map(|group| listed(group, "messages"));
    let mut listed = engine.listed("messages").chain(of_groups);
    // If a list has a similar name, that name is reported instead.
    let means = |word: &Word| {
        let known = || engine.messages().map(Section::title);
        known().all(|title| title != word.text) && nearest(&word.text, known()) == Some(&name.text)
    };
    if !name.known || listed.any(|word| !word.known || word.text == name.text || means(word)) {
        return None;
    }
    let title = format!("the message `{}` is in no list", name.text);
    Some(
        Finding::new(Code::MessageUnlisted, title, name.span)
            .label("never sent")
            .context(engine.span(), "not among the `messages` of this agent")
            .help(match event(message) {
                Some(_) => format!("write `messages {}` in the agent's section", name.text),
                None => format!(
                    "write `messages {}` in the agent's section and an event here, or list it in a group",
                    name.text
                ),
            }),
    )
}

fn missing(case: &Case<'_>, engine: &Engine<'_>, word: &Word) -> Option<Finding> {
    if !word.known || engine.messages().any(|it| it.title() == word.text) {
        return None;
    }
    let title = format!("there is no section `spoe-message {}`", word.text);
    let listed = |name: &&str| engine.listed("messages").any(|word| word.text == *name);
    let others = engine.messages().map(Section::title);
    let near = nearest(&word.text, others.filter(|name| !listed(name)));
    let answered = !engine.ours || case.agent.fallback || case.handler(&word.text).is_some();
    Some(
        Finding::new(Code::MessageMissing, title, word.span)
            .label("listed, but it has no section")
            .help(match near {
                Some(near) => format!("write `{near}`"),
                None if answered => format!("write `spoe-message {}` in the same scope", word.text),
                None => "remove it from this line".to_owned(),
            }),
    )
}

fn of_event(case: &Case<'_>, engine: &Engine<'_>, message: &Section) -> Option<Finding> {
    let listed = |word: &&Word| word.text == message.title();
    let listed = engine.listed("messages").find(listed);
    let Some(event) = event(message) else {
        let name = message.name()?;
        let listed = listed?;
        // An event without a name is reported instead.
        if message.all(&["event"]).next().is_some() {
            return None;
        }
        let title = format!("the message `{}` has no event", name.text);
        if !engine.moments(message, case.rules).is_empty() {
            return Some(
                Finding::new(Code::EventMissing, title, listed.span)
                    .severity(Severity::Warning)
                    .label("listed here, but only its group sends it")
                    .context(name.span, "no `event` in this section")
                    .help(format!("remove `{}` from this line", name.text)),
            );
        }
        let handler = case.handler(&name.text);
        let event = handler.and_then(|handler| handler.event.as_deref());
        return Some(
            Finding::new(Code::EventMissing, title, name.span)
                .label("never sent")
                .context(listed.span, "listed here, to be sent at its event")
                .help(match event {
                    Some(event) => format!("write `event {event}` in its section"),
                    None => "write `event on-frontend-http-request`, or another one, in its section; a message that only a group sends is not listed here".to_owned(),
                }),
        );
    };
    if !event.known {
        return None;
    }
    // A version after 3.5-dev5 has one more.
    let newer = case.series.is_none_or(|series| series.numbers() > (3, 4));
    if event.is("on-switching-rules") && newer {
        return None;
    }
    if event.is("on-switching-rules") {
        let title = format!("there is no event `{}` in this HAProxy", event.text);
        let help = match case.mode(engine.filter.proxy) {
            Some("http") => "write `event on-frontend-http-request`",
            _ => "send the message with a group, by `tcp-request content send-spoe-group`",
        };
        return Some(
            Finding::new(Code::EventUnknown, title, event.span)
                .label("only HAProxy after 3.4 has it")
                .help(help),
        );
    }
    let known = match event.text.parse::<Event>() {
        Ok(known) => known,
        Err(unknown) => {
            let title = format!("there is no event `{}`", event.text);
            return Some(
                Finding::new(Code::EventUnknown, title, event.span)
                    .label("HAProxy does not have this event")
                    .help(match meant(case, engine, message, &unknown) {
                        Some(meant) => format!("write `event {meant}`"),
                        None => format!("write {}", one_of(Event::ALL.map(Event::name))),
                    }),
            );
        }
    };
    listed?;
    let proxy = case.configuration.sections.get(engine.filter.proxy)?;
    if proxy.kind() != "backend" {
        return None;
    }
    let instead = known.in_backends();
    if instead == known {
        return None;
    }
    let title = format!("a backend never sees the event `{}`", event.text);
    Some(
        Finding::new(Code::EventElsewhere, title, event.span)
            .label("does not happen in a backend")
            .context(
                engine.filter.line.span(),
                format!("the filter is in the backend `{}`", proxy.title()),
            )
            .help(if read_before(case, engine) {
                "move the filter, and the rules that send its groups, to the frontend".to_owned()
            } else {
                format!("move the filter to the frontend, or write `event {instead}`")
            }),
    )
}

/// Returns the event that was meant for a message, where all filters that share its file have it.
fn meant(
    case: &Case<'_>,
    engine: &Engine<'_>,
    message: &Section,
    unknown: &UnknownEvent,
) -> Option<Event> {
    let proxies: Vec<_> = case.sharing(engine).map(|it| it.filter.proxy).collect();
    let of_tcp = proxies.iter().all(|at| case.stays_tcp(*at)) && !takes_http(message);
    let meant = unknown.meant_in(if of_tcp { "tcp" } else { "http" })?;
    let sections = &case.configuration.sections;
    let mut sections = proxies.iter().filter_map(|at| sections.get(*at));
    let back = sections.all(|section| section.kind() == "backend");
    Some(match meant {
        Event::FrontendTcpRequest | Event::FrontendHttpRequest if back => meant.in_backends(),
        _ => meant,
    })
}

/// Returns whether a rule outside of backends reads what an engine sets: that comes before any backend.
fn read_before(case: &Case<'_>, engine: &Engine<'_>) -> bool {
    let prefix = format!(".{}.", engine.prefix().0);
    let sections = case.configuration.sections.iter();
    let mut lines = sections
        .filter(|section| section.kind() != "backend")
        .flat_map(|section| &section.lines);
    lines.any(|line| line.words.iter().any(|word| word.text.contains(&prefix)))
}

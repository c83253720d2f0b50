//! Timeouts of the agent's section and of its backend.

use super::super::engine::Engine;
use super::super::{Case, Code, Finding, Severity};
use super::health::own;
use crate::Message;
use spoa_facts::{all_of, haproxy_time, show_time};
use std::time::Duration;

/// The shortest `timeout processing` that is reported as very long.
const LONG: Duration = Duration::from_secs(10);

/// The limit below which `timeout processing` is reported as very short.
const SHORT: Duration = Duration::from_millis(20);

/// The usual `timeout processing`.
const USUAL: Duration = Duration::from_millis(500);

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(missing(case, engine));
        findings.extend(of_backend(case, engine));
        findings.extend(cut_off(case, engine));
    }
    for engine in case.ours() {
        match handler_timeout_too_long(case, engine) {
            Some(finding) => findings.push(finding),
            None if cut_off(case, engine).is_some() => {}
            None => findings.extend(unusual(case, engine)),
        }
    }
}

fn missing(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let wanted: &[_] = match case.before_3_1() {
        Some(true) => &[("hello", "2s"), ("idle", "2m"), ("processing", "500ms")],
        Some(false) | None => &[("processing", "500ms")],
    };
    let missing: Vec<_> = wanted
        .iter()
        .filter(|(name, _)| {
            let time = engine.timeout(name).map(|word| haproxy_time(&word.text));
            time.is_none_or(|time| time == Some(Duration::ZERO))
        })
        .collect();
    let lines: Vec<_> = missing
        .iter()
        .map(|(name, value)| format!("timeout {name} {value}"))
        .collect();
    let names: Vec<_> = missing
        .iter()
        .map(|(name, _)| format!("timeout {name}"))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let title = format!(
        "the agent `{}` has no {}",
        engine.agent.title(),
        all_of(&names)
    );
    Some(
        Finding::new(Code::TimeoutsMissing, title, engine.span())
            .label("nothing ends the wait")
            .help(format!(
                "write {}{}",
                all_of(&lines),
                match lines.len() {
                    1 => "",
                    _ => ", each on a line of its own",
                }
            )),
    )
}

/// Finds a `timeout server` that ends the wait for an answer before `timeout processing` does.
fn cut_off(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let word = engine.timeout("processing")?;
    let processing = haproxy_time(&word.text).filter(|time| !time.is_zero() && word.known)?;
    let name = engine.backend()?;
    let backend = case.configuration.backend(&name.text)?;
    let line = case.last(backend, &["timeout", "server"])?;
    let said = line
        .words
        .get(2)
        .filter(|said| said.known && line.certain)?;
    let server = haproxy_time(&said.text).filter(|time| !time.is_zero())?;
    if server >= processing {
        return None;
    }
    // The usual one, unless it would end before the answer as well.
    let enough = show_time((2 * processing).max(Duration::from_secs(180)));
    let title = format!(
        "`timeout server {}` of `{}` ends before `timeout processing`",
        said.text, name.text
    );
    Some(
        Finding::new(Code::AnswersCutOff, title, said.span)
            .label("an answer that takes longer is lost: error 257")
            .context(word.span, "HAProxy waits this long for an answer")
            .help(if own(case, backend, line) {
                format!("write `timeout server {enough}`")
            } else {
                format!("write `timeout server {enough}` in `backend {}`", name.text)
            }),
    )
}

/// Finds a `timeout processing` that is longer than clients wait, or shorter than a pause of the machine.
fn unusual(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let word = engine.timeout("processing")?;
    let processing = haproxy_time(&word.text).filter(|time| !time.is_zero() && word.known)?;
    let timeout = longest_timeout(case, engine).map(|(timeout, _)| timeout);
    let title = format!("`timeout processing {}` is very ", word.text);
    let finding = |how: &str, label: &str| {
        Finding::new(Code::AnswersCutOff, format!("{title}{how}"), word.span)
            .severity(Severity::Note)
            .label(label)
    };
    if processing >= LONG && timeout.is_none_or(|timeout| timeout < processing / 2) {
        let enough = timeout.map_or(USUAL, enough).max(USUAL);
        return Some(
            finding("long", "if the agent hangs, each request waits this long")
                .help(format!("write `timeout processing {}`", show_time(enough))),
        );
    }
    if processing < SHORT {
        let enough = timeout
            .map_or(Duration::ZERO, enough)
            .max(Duration::from_millis(100));
        return Some(
            finding(
                "short",
                "a short pause of either machine takes longer, so requests get no answer",
            )
            .help(format!("write `timeout processing {}`", show_time(enough))),
        );
    }
    None
}

/// Returns the longest timeout of the handlers that an engine asks, with its handler.
fn longest_timeout<'a>(case: &Case<'a>, engine: &Engine<'a>) -> Option<(Duration, &'a Message)> {
    let handlers = engine
        .messages()
        .filter_map(|message| case.handler(message.title()));
    handlers
        .filter_map(|handler| Some((handler.timeout?, handler)))
        .max_by_key(|(timeout, _)| *timeout)
}

/// Returns a `timeout processing` that covers the timeout of a handler and the way there and back.
fn enough(timeout: Duration) -> Duration {
    (timeout + timeout / 4).max(timeout + Duration::from_millis(10))
}

fn handler_timeout_too_long(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let word = engine.timeout("processing")?;
    let processing = haproxy_time(&word.text).filter(|time| !time.is_zero())?;
    let (timeout, handler) = longest_timeout(case, engine)?;
    if timeout < processing {
        return None;
    }
    let title = format!(
        "HAProxy stops waiting before the timeout of the handler of `{}`",
        handler.name
    );
    let enough = enough(timeout);
    let (file, line) = &handler.location;
    Some(
        Finding::new(Code::HandlerTimeoutTooLong, title, word.span)
            .label(format!(
                "not longer than the handler's timeout of {}",
                show_time(timeout)
            ))
            .note(format!(
                "the handler is `{}` ({file}:{line})",
                handler.function
            ))
            .help(format!(
                "write `timeout processing {}`, or give the handler a shorter timeout: `timeout = \"…\"`",
                show_time(enough)
            )),
    )
}

fn of_backend(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let name = engine.backend()?;
    let backend = case.configuration.backend(&name.text)?;
    let missing: Vec<_> = ["connect", "server"]
        .into_iter()
        .filter(|timeout| {
            let mut lines = case.configuration.lines(backend);
            !lines.any(|line| line.begins(&["timeout", timeout]))
        })
        .map(|timeout| format!("timeout {timeout}"))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let section = case.configuration.sections.get(backend)?;
    let title = format!("the backend `{}` has no {}", name.text, all_of(&missing));
    let help = match missing.as_slice() {
        [only] if only.ends_with("connect") => "write `timeout connect 5s`",
        [_] => "write `timeout server 3m`",
        _ => "write `timeout connect 5s` and `timeout server 3m`, each on a line of its own",
    };
    Some(
        Finding::new(Code::BackendTimeouts, title, section.name()?.span)
            .label("nothing ends the wait for a lost agent")
            .help(help),
    )
}

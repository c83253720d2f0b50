//! Timeouts of the agent's section and of its backend.

use super::super::engine::{Engine, time};
use super::super::{Case, Code, Finding};
use super::list;
use std::time::Duration;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(missing(case, engine));
        findings.extend(of_backend(case, engine));
    }
    for engine in case.ours() {
        findings.extend(too_late(case, engine));
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
            let time = engine.timeout(name).map(|word| time(&word.text));
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
        list(&names)
    );
    Some(
        Finding::new(Code::TimeoutsMissing, title, engine.span())
            .label("nothing ends the wait")
            .help(format!(
                "write {}{}",
                list(&lines),
                match lines.len() {
                    1 => "",
                    _ => ", each on a line of its own",
                }
            )),
    )
}

fn too_late(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let word = engine.timeout("processing")?;
    let processing = time(&word.text).filter(|time| !time.is_zero())?;
    let handlers = engine
        .messages()
        .filter_map(|message| case.handler(message.title()));
    let (deadline, handler) = handlers
        .filter_map(|handler| Some((handler.deadline?, handler)))
        .max_by_key(|(deadline, _)| *deadline)?;
    if deadline < processing {
        return None;
    }
    let title = format!(
        "HAProxy stops waiting before the handler of `{}` is late",
        handler.name
    );
    // Room for the way there and back.
    let enough = (deadline + deadline / 4).max(deadline + Duration::from_millis(10));
    let (file, line) = &handler.location;
    Some(
        Finding::new(Code::DeadlineTooLate, title, word.span)
            .label(format!(
                "not longer than the handler's {}",
                written(deadline)
            ))
            .note(format!(
                "its deadline is that of `{}` ({file}:{line})",
                handler.function
            ))
            .help(format!(
                "write `timeout processing {}`, or give the handler less: `timeout = \"…\"`",
                written(enough)
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
    let title = format!("the backend `{}` has no {}", name.text, list(&missing));
    let help = match missing.as_slice() {
        [only] if only.ends_with("connect") => "write `timeout connect 5s`",
        [_] => "write `timeout server 3m`",
        _ => "write `timeout connect 5s` and `timeout server 3m`, each on a line of its own",
    };
    Some(
        Finding::new(Code::BackendTimeouts, title, section.name()?.span)
            .label("nothing ends the wait for an agent that is gone")
            .help(help),
    )
}

/// A time as HAProxy writes it.
fn written(time: Duration) -> String {
    match time.as_micros() {
        micros if micros % 1_000_000 == 0 => format!("{}s", micros / 1_000_000),
        micros if micros % 1_000 == 0 => format!("{}ms", micros / 1_000),
        micros => format!("{micros}us"),
    }
}

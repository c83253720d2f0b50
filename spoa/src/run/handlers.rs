//! `handlers`: the messages an agent answers, as a table or as JSON.
//!
//! It must not run a handler: all it shows is known without.

use super::wiring;
use crate::handler::__macros::{
    ArgumentDescription, HeaderChange, VariableDescription, VerdictDescription,
};
use crate::handler::{Definition, Fetch, Presence, When};
use serde_json::{Value, json};

/// The table.
pub(super) fn table(handlers: &[&'static Definition]) -> String {
    let mut rows = vec![["MESSAGE", "ARGUMENTS", "SETS", "FUNCTION"].map(|cell| vec![cell.into()])];
    for handler in handlers {
        let description = handler.description();
        let variables = description.variables.iter();
        let (file, line) = handler.location();
        rows.push([
            message(handler),
            arguments(handler, &description.arguments),
            variables
                .map(|variable| variable_text(variable, &description.verdicts))
                .collect(),
            vec![format!("{} ({file}:{line})", handler.function())],
        ]);
    }
    let mut widths = [0; 4];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            let lines = cell.iter().map(|line: &String| line.chars().count());
            *width = lines.fold(*width, usize::max);
        }
    }
    let mut table = String::new();
    for row in &rows {
        let height = row.iter().map(Vec::len).max().unwrap_or_default();
        for index in 0..height {
            let mut line = String::new();
            for (cell, width) in row.iter().zip(widths) {
                let nothing = if index == 0 { "-" } else { "" };
                let text = cell.get(index).map_or(nothing, String::as_str);
                line.push_str(&format!("{text:width$}  "));
            }
            table.push_str(line.trim_end());
            table.push('\n');
        }
    }
    table
}

/// A variable, and what it can be if it is the action of a verdict.
fn variable_text(
    variable: &VariableDescription,
    verdicts: &[&'static VerdictDescription],
) -> String {
    let name = format!("{}.{}", variable.scope, variable.name);
    let mut verdicts = verdicts.iter();
    match verdicts.find(|it| it.variables.action == variable.name) {
        Some(verdict) => format!("{name}: {}", wiring::verdict(verdict)),
        None => name,
    }
}

/// The name, and below it when HAProxy sends the message.
fn message(handler: &Definition) -> Vec<String> {
    let mut lines = vec![handler.message_name().unwrap_or("(any other)").to_owned()];
    lines.extend(handler.event().map(|event| format!("  {event}")));
    lines.extend(handler.group().map(|group| format!("  group {group}")));
    lines.extend(
        handler
            .condition()
            .map(|condition| format!("  {condition}")),
    );
    lines
}

fn arguments(handler: &Definition, arguments: &[ArgumentDescription]) -> Vec<String> {
    let when = When::of(handler.event(), arguments.iter().filter_map(|it| it.sample));
    arguments.iter().map(|it| argument(it, when)).collect()
}

fn argument(argument: &ArgumentDescription, when: When) -> String {
    let ArgumentDescription {
        name,
        index,
        rust_type,
        expected,
        required,
        sample,
        ..
    } = argument;
    let place = match (name, index) {
        (_, Some(index)) => format!("[{index}]"),
        (name, None) => name.unwrap_or_default().to_owned(),
    };
    let optional = match *required || rust_type.starts_with("Option<") {
        true => "",
        false => " (optional)",
    };
    let named = || name.and_then(|name| Fetch::named(name, *expected, when));
    let sample = match sample {
        Some(sample) => format!(" = {sample}"),
        None => match named() {
            Some(named) => format!(" = {}, by its name", named.fetch),
            None => " = TODO".to_owned(),
        },
    };
    let missing = match may_reject(argument) {
        true => " (may be missing)",
        false => "",
    };
    format!("{place}: {rust_type}{optional}{sample}{missing}")
}

/// What is worth knowing of handlers before the first message comes: arguments they require, though
/// HAProxy may have no value for them.
pub(super) fn notes(handlers: &[&'static Definition]) -> Vec<String> {
    let notes = handlers.iter().flat_map(|handler| {
        let message = handler.message_name().unwrap_or("(any other)");
        let arguments = handler.description().arguments.into_iter();
        arguments.filter_map(move |argument| note(message, &argument))
    });
    notes.collect()
}

/// Whether a message is rejected where HAProxy has no value for an argument, which may happen.
fn may_reject(argument: &ArgumentDescription) -> bool {
    argument.required && argument.may_be_missing && !argument.takes_null
}

fn note(message: &str, argument: &ArgumentDescription) -> Option<String> {
    let sample = argument.sample.filter(|_| may_reject(argument))?;
    let ty = &*argument.rust_type;
    let what = match (argument.name, argument.index) {
        (_, Some(index)) => format!("argument number {index}"),
        (name, None) => format!("argument `{}`", name.unwrap_or_default()),
    };
    Some(format!(
        "{what} of message `{message}` is required, and HAProxy sends none where `{sample}` has no \
         value: the handler is not run then; take `Option<{ty}>`, or give a default with \
         `#[arg(default = …)]`"
    ))
}

/// The same and more as JSON, an array with an object for each handler.
pub(super) fn json(handlers: &[&'static Definition]) -> Value {
    let handlers = handlers.iter().map(|handler| {
        let description = handler.description();
        let (file, line) = handler.location();
        let arguments = description.arguments.iter().map(|argument| {
            json!({
                "name": argument.name.filter(|_| argument.index.is_none()),
                "index": argument.index,
                "type": argument.rust_type,
                "expected": argument.expected.to_string(),
                "required": argument.required,
                "sample": argument.sample,
                "may_be_missing": argument.sample.map(|_| argument.may_be_missing),
            })
        });
        let variables = description.variables.iter().map(|variable| {
            json!({
                "scope": variable.scope.name(),
                "name": variable.name,
                "type": variable.rust_type,
                "set": match variable.presence {
                    Presence::Always => "always",
                    Presence::Sometimes => "sometimes",
                    Presence::Unknown => "unknown",
                },
            })
        });
        let verdicts = description.verdicts.iter().map(|it| verdict(it));
        let states = description.states.iter().map(|state| state.type_name);
        json!({
            "message": handler.message_name(),
            "event": handler.event(),
            "condition": handler.condition(),
            "group": handler.group(),
            "arguments": arguments.collect::<Vec<_>>(),
            "variables": variables.collect::<Vec<_>>(),
            "verdicts": verdicts.collect::<Vec<_>>(),
            "states": states.collect::<Vec<_>>(),
            "timeout_ms": handler.timeout().map(|timeout| timeout.as_secs_f64() * 1e3),
            "docs": handler.docs().trim(),
            "function": handler.function(),
            "file": file,
            "line": line,
        })
    });
    handlers.collect()
}

/// What a verdict can be.
fn verdict(verdict: &VerdictDescription) -> Value {
    let outcomes = verdict.outcomes.iter().map(|outcome| {
        json!({
            "action": outcome.action,
            "status": Some(outcome.status).filter(|status| *status != 0),
        })
    });
    let headers = verdict.headers.iter().map(|header| {
        json!({
            "of": if header.of_response { "response" } else { "request" },
            "change": match header.change {
                HeaderChange::Set => "set",
                HeaderChange::Add => "add",
                HeaderChange::Remove => "remove",
            },
            "name": header.name,
            "variable": header.variable,
        })
    });
    json!({
        "declared_by": verdict.declared_by,
        "action": verdict.variables.action,
        "outcomes": outcomes.collect::<Vec<_>>(),
        "headers": headers.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Expected;

    fn argument(required: bool, may_be_missing: bool) -> ArgumentDescription {
        ArgumentDescription {
            name: Some("id"),
            index: None,
            rust_type: "&str".into(),
            expected: Expected::Text,
            sample: Some("req.hdr(x-id)"),
            may_be_missing,
            takes_null: false,
            required,
        }
    }

    #[test]
    fn where_an_argument_comes_from_is_said_and_never_guessed() {
        let shown = |name, expected, required| {
            let argument = ArgumentDescription {
                name: Some(name),
                rust_type: "T".into(),
                sample: None,
                expected,
                ..argument(required, false)
            };
            super::argument(&argument, When::Connection)
        };
        assert_eq!(
            shown("ip", Expected::Address, true),
            "ip: T = src, by its name"
        );
        assert_eq!(
            shown("detect-only", Expected::Bool, true),
            "detect-only: T = TODO"
        );
        assert_eq!(shown("x", Expected::Any, false), "x: T (optional) = TODO");
    }

    #[test]
    fn a_required_argument_that_may_be_missing_is_noted() {
        assert_eq!(
            super::argument(&argument(true, true), When::Connection),
            "id: &str = req.hdr(x-id) (may be missing)"
        );
        assert_eq!(
            note("check", &argument(true, true)).unwrap(),
            "argument `id` of message `check` is required, and HAProxy sends none where \
             `req.hdr(x-id)` has no value: the handler is not run then; take `Option<&str>`, or \
             give a default with `#[arg(default = …)]`"
        );
        for (required, may_be_missing) in [(true, false), (false, true)] {
            assert_eq!(note("check", &argument(required, may_be_missing)), None);
        }
        let empty = ArgumentDescription {
            takes_null: true,
            ..argument(true, true)
        };
        assert_eq!(note("check", &empty), None);
    }
}

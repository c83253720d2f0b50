//! `handlers`: the messages that an agent answers, as a table.

use crate::handler::__macros::{ArgumentDescription, VariableDescription, VerdictDescription};
use crate::handler::{Definition, MessageSubject, NamedFetch, Presence};

/// Returns a table of the handlers.
#[cold]
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

/// Returns a variable. If it is the action of a verdict, its values follow.
fn variable_text(
    variable: &VariableDescription,
    verdicts: &[&'static VerdictDescription],
) -> String {
    let mut text = format!("{}.{}", variable.scope, variable.name);
    if variable.presence == Presence::Failure {
        text.push_str(" (if it fails)");
    }
    let mut verdicts = verdicts.iter();
    if let Some(verdict) = verdicts.find(|it| it.variables.action == variable.name) {
        text.push_str(": allow");
        for outcome in verdict.outcomes {
            text.push_str(&match outcome.status {
                0 => format!(", {}", outcome.action),
                status => format!(", {} {status}", outcome.action),
            });
        }
    }
    text
}

/// Returns the name of the message, and below it when HAProxy sends it.
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
    let subject = MessageSubject::of(handler.event(), arguments.iter().filter_map(|it| it.sample));
    arguments.iter().map(|it| argument(it, subject)).collect()
}

fn argument(argument: &ArgumentDescription, subject: MessageSubject) -> String {
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
    let optional = if *required || rust_type.starts_with("Option<") {
        ""
    } else {
        " (optional)"
    };
    let named = || name.and_then(|name| NamedFetch::find(name, *expected, subject));
    let sample = match sample {
        Some(sample) => format!(" = {sample}"),
        None => match named() {
            Some(named) => format!(" = {}, by its name", named.expression),
            None => " = TODO".to_owned(),
        },
    };
    let missing = if may_reject(argument) {
        " (rejected if missing)"
    } else {
        ""
    };
    format!("{place}: {rust_type}{optional}{sample}{missing}")
}

/// Returns notes for the log: required arguments for which HAProxy may have no value.
pub(super) fn notes(handlers: &[&'static Definition]) -> Vec<String> {
    let notes = handlers.iter().flat_map(|handler| {
        let message = handler.message_name().unwrap_or("(any other)");
        let arguments = handler.description().arguments.into_iter();
        arguments.filter_map(move |argument| note(message, &argument))
    });
    notes.collect()
}

/// Returns whether a message is rejected where HAProxy has no value for an argument.
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
    let default = match argument.attribute {
        "" => String::new(),
        attribute => format!(", or give a default with `#[{attribute}(default = …)]`"),
    };
    Some(format!(
        "{what} of message `{message}` may be missing: if HAProxy has no value for `{sample}`, the message \
         is rejected and its handler does not run; take `Option<{ty}>`{default}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::handler::Expected;

    fn argument(required: bool, may_be_missing: bool) -> ArgumentDescription {
        ArgumentDescription {
            secret: false,
            name: Some("id"),
            index: None,
            rust_type: "&str".into(),
            expected: Expected::Text,
            sample: Some("req.hdr(x-id)"),
            default_sample: crate::handler::DefaultSample::NONE,
            may_be_missing,
            attribute: "arg",
            takes_null: false,
            required,
        }
    }

    #[test]
    fn the_source_of_an_argument_is_shown_and_never_guessed() {
        let shown = |name, expected, required| {
            let argument = ArgumentDescription {
                name: Some(name),
                rust_type: "T".into(),
                sample: None,
                default_sample: crate::handler::DefaultSample::NONE,
                expected,
                ..argument(required, false)
            };
            super::argument(&argument, MessageSubject::Connection)
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
            super::argument(&argument(true, true), MessageSubject::Connection),
            "id: &str = req.hdr(x-id) (rejected if missing)"
        );
        assert_eq!(
            note("check", &argument(true, true)).unwrap(),
            "argument `id` of message `check` may be missing: if HAProxy has no value for \
             `req.hdr(x-id)`, the message is rejected and its handler does not run; take `Option<&str>`, or \
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

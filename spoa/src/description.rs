//! The description of an agent as JSON, for tools: what `handlers --json` prints.
//!
//! docs/description.md has the format, and `spoa-tools` reads it.

use crate::agent::Limits;
use crate::handler::__macros::{ArgumentDescription, HeaderChange, VerdictDescription};
use crate::handler::{Definition, MessageSubject, NamedFetch, Presence, Run};
use crate::json::{JsonValue, object};
use spoa_facts::Expected;
use std::time::Duration;

/// The version of the format.
const FORMAT: u32 = 1;

/// An agent that is to be described.
pub(crate) struct Described<'a> {
    pub(crate) name: &'a str,
    pub(crate) version: &'a str,
    pub(crate) listeners: Vec<String>,
    pub(crate) limits: &'a Limits,
    pub(crate) tls: JsonValue,
    pub(crate) handlers: &'a [&'static Definition],
    /// Whether it has an `on_failure`, which may set any variable.
    pub(crate) on_failure: bool,
}

impl Described<'_> {
    /// Returns the description.
    pub(crate) fn json(self) -> JsonValue {
        let handlers = self.handlers.iter();
        let messages = handlers.map(|handler| message(handler, self.limits, self.on_failure));
        object! {
            "format": FORMAT,
            "agent": self.name,
            "version": self.version,
            "listen": self.listeners.into_iter().collect::<JsonValue>(),
            "max_frame_size": self.limits.max_frame_size,
            "tls": self.tls,
            "messages": messages.collect::<JsonValue>(),
        }
    }
}

fn message(handler: &Definition, limits: &Limits, on_failure: bool) -> JsonValue {
    let description = handler.description();
    let failure_is_open = match handler.on_failure {
        Some(_) => description.failure_is_open,
        None => on_failure,
    };
    let samples = description.arguments.iter();
    let subject = MessageSubject::of(
        handler.event(),
        samples.filter_map(|argument| argument.sample),
    );
    let arguments = description.arguments.iter();
    let variables = description.variables.iter().map(|variable| {
        object! {
            "scope": variable.scope.name(),
            "name": variable.name,
            "type": variable.rust_type,
            "set": match variable.presence {
                Presence::Always => "always",
                Presence::Sometimes => "sometimes",
                Presence::Failure => "failure",
                Presence::Unknown => "unknown",
            },
        }
    });
    let timeout = match handler.run {
        // Nothing can interrupt a sync handler.
        Run::Sync(_) => None,
        Run::Async(_) | Run::Blocking(_) => handler.timeout().or(limits.handler_timeout),
    };
    let verdicts = description.verdicts.iter().map(|it| verdict(it));
    let states = description.states.iter().map(|state| state.type_name);
    let (file, line) = handler.location();
    object! {
        "message": handler.message_name(),
        "event": handler.event(),
        "condition": handler.condition(),
        "group": handler.group(),
        "arguments": arguments.map(|it| argument(it, subject)).collect::<JsonValue>(),
        "variables": variables.collect::<JsonValue>(),
        "verdicts": verdicts.collect::<JsonValue>(),
        "complete": !description.open && !failure_is_open,
        "states": states.collect::<JsonValue>(),
        "timeout_ms": timeout.map(millis),
        "docs": handler.docs().trim(),
        "function": handler.function(),
        "file": file,
        "line": line,
    }
}

fn verdict(verdict: &VerdictDescription) -> JsonValue {
    let outcomes = verdict.outcomes.iter().map(|outcome| {
        let status = Some(u32::from(outcome.status)).filter(|status| *status != 0);
        object! { "action": outcome.action, "status": status }
    });
    let headers = verdict.headers.iter().map(|header| {
        object! {
            "of": if header.of_response { "response" } else { "request" },
            "change": match header.change {
                HeaderChange::Set => "set",
                HeaderChange::Add => "add",
                HeaderChange::Remove => "remove",
            },
            "name": header.name,
            "variable": header.variable,
        }
    });
    let names = &verdict.variables;
    object! {
        "declared_by": verdict.declared_by,
        "action": names.action,
        "status": names.status,
        "data": names.data,
        "content_type": names.content_type,
        "reason": names.reason,
        "outcomes": outcomes.collect::<JsonValue>(),
        "headers": headers.collect::<JsonValue>(),
    }
}

fn argument(argument: &ArgumentDescription, subject: MessageSubject) -> JsonValue {
    // An argument taken by its place has a name in Rust only, and that is a word like any other.
    let name = argument.name.filter(|_| argument.index.is_none());
    let guess = match (argument.sample, argument.name) {
        (None, Some(name)) => NamedFetch::find(name, argument.expected, subject),
        _ => None,
    };
    object! {
        "name": name,
        "index": argument.index,
        "type": &*argument.rust_type,
        "takes": takes(argument.expected.known()),
        "expected": argument.expected.to_string(),
        "required": argument.required,
        "sample": argument.sample,
        "guess": guess.map(|fetch| fetch.expression),
        "may_be_missing": argument.sample.map(|_| argument.may_be_missing),
    }
}

fn takes(expected: Expected) -> &'static str {
    match expected {
        Expected::Bool => "bool",
        Expected::Integer => "integer",
        Expected::Address => "address",
        Expected::Ipv4 => "ipv4",
        Expected::Ipv6 => "ipv6",
        Expected::Text => "text",
        Expected::Bytes => "bytes",
        Expected::Any => "any",
        _ => "other",
    }
}

/// Returns a time in milliseconds, with as many digits as it needs.
fn millis(time: Duration) -> JsonValue {
    let micros = time.as_micros();
    JsonValue::Number(match micros % 1000 {
        0 => (micros / 1000).to_string(),
        rest => {
            let digits = format!("{}.{rest:03}", micros / 1000);
            digits.trim_end_matches('0').to_owned()
        }
    })
}

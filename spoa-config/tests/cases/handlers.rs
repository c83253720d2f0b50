//! The handlers of a case that has others than the usual ones: its file `handlers`.
//!
//! ```text
//! message check-token
//!     event on-frontend-http-request
//!     takes token: Option<&str> = req.cook(token)
//!     sets txn.ok: bool
//!     may set txn.user: String
//! ```
//!
//! `verdict deny 403, drop` is a verdict with its variables. `group NAME` is in place of an event,
//! `timeout 100ms` is the handler's timeout. A value that is not set by each success is one that the
//! handler may set. `sets nothing else` says that no other name is computed when the handler runs.

use spoa_config::{Action, Argument, Expected, Message, Outcome, Presence, Variable, Verdict};
use std::time::Duration;

/// Reads the handlers.
pub fn parse(text: &str) -> Vec<Message> {
    let mut messages: Vec<Message> = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (keyword, rest) = line.split_once(' ').expect("a keyword and more");
        if keyword == "message" {
            messages.push(Message {
                name: rest.into(),
                function: format!("agent::{}", rest.replace('-', "_")),
                location: ("src/main.rs".into(), u32::try_from(index).expect("few") + 1),
                ..Message::default()
            });
            continue;
        }
        let message = messages.last_mut().expect("`message NAME` comes first");
        match keyword {
            "event" => message.event = Some(rest.into()),
            "group" => message.group = Some(rest.into()),
            "timeout" => {
                let number = rest.strip_suffix("ms").and_then(|it| it.parse().ok());
                message.timeout = Some(Duration::from_millis(number.expect("ms")));
            }
            "takes" => message.arguments.push(argument(rest)),
            "verdict" => verdict(message, rest),
            "sets" if rest == "nothing else" => message.complete = true,
            "sets" => message.variables.push(variable(rest, true)),
            "may" => {
                let rest = rest.strip_prefix("set ").expect("`may set`");
                message.variables.push(variable(rest, false));
            }
            other => panic!("`{other}` in a file `handlers`"),
        }
    }
    messages
}

/// A verdict and its variables: `verdict deny 403, redirect 302, drop`.
fn verdict(message: &mut Message, text: &str) {
    let outcomes = text.split(", ").map(|outcome| {
        let (action, status) = outcome.split_once(' ').unwrap_or((outcome, ""));
        Outcome {
            action: Action::named(action).expect("the name of an action"),
            status: status.parse().ok(),
        }
    });
    let verdict = Verdict {
        declared_by: "Firewall".into(),
        outcomes: outcomes.collect(),
        ..Verdict::default()
    };
    message.variables.push(variable("txn.action: &str", true));
    for name in [
        "status: i32",
        "data: Cow<str>",
        "content_type: Cow<str>",
        "reason: Cow<str>",
    ] {
        message
            .variables
            .push(variable(&format!("txn.{name}"), false));
    }
    message.verdicts.push(verdict);
}

fn argument(text: &str) -> Argument {
    let (text, sample) = match text.split_once(" = ") {
        Some((text, sample)) => (text, Some(sample.to_owned())),
        None => (text, None),
    };
    let (name, rust_type) = text.split_once(": ").expect("`NAME: TYPE`");
    let inner = rust_type.strip_prefix("Option<");
    let plain = inner.map_or(rust_type, |inner| inner.trim_end_matches('>'));
    Argument {
        name: Some(name.into()),
        index: None,
        rust_type: rust_type.into(),
        expected: match plain {
            "bool" => Expected::Bool,
            "IpAddr" => Expected::Address,
            "Ipv4Addr" => Expected::Ipv4,
            "&str" | "String" => Expected::Text,
            "&[u8]" | "Vec<u8>" => Expected::Bytes,
            "Value" => Expected::Any,
            _ => Expected::Integer,
        },
        required: inner.is_none(),
        sample,
        guess: None,
    }
}

fn variable(text: &str, always: bool) -> Variable {
    let (name, rust_type) = text.split_once(": ").expect("`SCOPE.NAME: TYPE`");
    let (scope, name) = name.split_once('.').expect("`SCOPE.NAME`");
    Variable {
        scope: scope.into(),
        name: name.into(),
        rust_type: Some(rust_type.into()),
        presence: if always {
            Presence::Always
        } else {
            Presence::Sometimes
        },
    }
}

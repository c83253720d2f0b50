//! The description of an agent as JSON: what `my-agent handlers --json` prints, and what `spop --agent FILE`
//! reads. docs/description.md has the format.

mod object;

use object::{JsonPlace, Object};
use serde_json::Value;
use spoa_config::{
    Action, Agent, Argument, Expected, HeaderChange, HeaderRule, Message, Outcome, Presence, Tls,
    Variable, Verdict,
};
use std::path::Path;
use std::time::Duration;

/// The version of the format that this library reads.
pub const FORMAT: u64 = 1;

/// Reads a description from a file.
///
/// # Errors
/// A line for the user: the file, the place in it, and what to write.
///
/// ```
/// let error = spoa_tools::description::load("/no/such.json".as_ref()).unwrap_err();
/// assert!(error.starts_with("cannot read `/no/such.json`: "));
/// ```
pub fn load(path: &Path) -> Result<Agent, String> {
    let path_text = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read `{path_text}`: {error}"))?;
    read(&text).map_err(|problem| format!("`{path_text}`: {problem}"))
}

/// Reads a description.
///
/// # Errors
/// The place in the text, and what to write there.
///
/// ```
/// use spoa_tools::description::read;
///
/// let agent = read(r#"{ "format": 1, "agent": "geo", "messages": [{ "message": "lookup" }] }"#)?;
/// assert_eq!(agent.messages[0].name, "lookup");
///
/// let error = read(r#"{ "format": 1, "agent": "geo", "mesages": [] }"#).unwrap_err();
/// assert_eq!(error, "unknown key `mesages`: did you mean `messages`?");
/// # Ok::<(), String>(())
/// ```
pub fn read(text: &str) -> Result<Agent, String> {
    let value: Value =
        serde_json::from_str(text).map_err(|error| format!("invalid JSON: {error}"))?;
    let agent = Object::new(String::new(), &value)?;
    match agent.get("format").and_then(Value::as_u64) {
        Some(FORMAT) => {}
        Some(other) => {
            return Err(format!(
                "format {other} is not supported: this program reads format {FORMAT}"
            ));
        }
        None => return Err(format!("no format: write `\"format\": {FORMAT}`")),
    }
    agent.only(&[
        "format",
        "agent",
        "version",
        "listen",
        "max_frame_size",
        "tls",
        "messages",
    ])?;
    let name = agent.text("agent")?;
    let name = name.ok_or("no name of the agent: write `\"agent\": \"…\"`")?;
    let mut messages = Vec::new();
    let mut fallback = false;
    for value in agent.list("messages")? {
        match message(&value)? {
            Some(message) => messages.push(message),
            None => fallback = true,
        }
    }
    let listeners = agent.list("listen")?;
    let listeners: Result<_, _> = listeners.iter().map(JsonPlace::text).collect();
    let size = agent.number("max_frame_size")?;
    Ok(Agent {
        name,
        messages,
        fallback,
        listeners: listeners?,
        // An agent that says nothing takes what HAProxy offers.
        max_frame_size: size.map_or(u32::MAX, |size| size as u32),
        tls: agent.object("tls")?.map(|tls| tls_of(&tls)).transpose()?,
    })
}

fn tls_of(tls: &Object<'_>) -> Result<Tls, String> {
    tls.only(&["certificate", "mutual"])?;
    Ok(Tls {
        certificate: tls.text("certificate")?.unwrap_or_default(),
        mutual: tls.bool("mutual")?.unwrap_or(false),
    })
}

/// Reads a message; `None` for the fallback.
fn message(place: &JsonPlace<'_>) -> Result<Option<Message>, String> {
    let message = Object::new(place.path.clone(), place.value)?;
    message.only(&[
        "message",
        "event",
        "condition",
        "group",
        "arguments",
        "variables",
        "verdicts",
        "complete",
        "states",
        "timeout_ms",
        "docs",
        "function",
        "file",
        "line",
    ])?;
    let Some(name) = message.get("message") else {
        return Err(message.wrong(
            "no name: write `\"message\": \"…\"`, or `null` for a handler of all other messages",
        ));
    };
    if name.is_null() {
        return Ok(None);
    }
    let arguments = message.list("arguments")?;
    let arguments: Result<_, _> = arguments.iter().map(argument).collect();
    let variables = message.list("variables")?;
    let variables: Result<_, _> = variables.iter().map(variable).collect();
    let verdicts = message.list("verdicts")?;
    let verdicts: Result<_, _> = verdicts.iter().map(verdict).collect();
    let timeout = message.number("timeout_ms")?;
    let line = message.number("line")?.unwrap_or_default();
    Ok(Some(Message {
        name: message.text("message")?.unwrap_or_default(),
        function: message.text("function")?.unwrap_or_default(),
        location: (message.text("file")?.unwrap_or_default(), line as u32),
        docs: message.text("docs")?.unwrap_or_default(),
        // Handlers have whole microseconds.
        timeout: timeout.map(|ms| Duration::from_micros((ms * 1e3).round() as u64)),
        event: message.text("event")?,
        condition: message.text("condition")?,
        group: message.text("group")?,
        arguments: arguments?,
        variables: variables?,
        verdicts: verdicts?,
        complete: message.bool("complete")?.unwrap_or(false),
    }))
}

/// The values of `takes`.
const TAKES: [(&str, Expected); 9] = [
    ("bool", Expected::Bool),
    ("integer", Expected::Integer),
    ("address", Expected::Address),
    ("ipv4", Expected::Ipv4),
    ("ipv6", Expected::Ipv6),
    ("text", Expected::Text),
    ("bytes", Expected::Bytes),
    ("any", Expected::Any),
    ("other", Expected::Other),
];

fn argument(place: &JsonPlace<'_>) -> Result<Argument, String> {
    let argument = Object::new(place.path.clone(), place.value)?;
    argument.only(&[
        "name",
        "index",
        "type",
        "takes",
        "expected",
        "required",
        "sample",
        "guess",
        "may_be_missing",
    ])?;
    let (name, index) = (argument.text("name")?, argument.number("index")?);
    if name.is_some() == index.is_some() {
        return Err(argument.wrong("write either `name` or `index`"));
    }
    let takes = argument.text("takes")?.unwrap_or_else(|| "any".to_owned());
    let expected = TAKES.iter().find(|(word, _)| *word == takes);
    let (_, expected) = expected.ok_or_else(|| {
        let words = TAKES.map(|(word, _)| word);
        argument.wrong(&unknown("value", "takes", &takes, &words))
    })?;
    Ok(Argument {
        name,
        index: index.map(|index| index as usize),
        rust_type: argument.text("type")?.unwrap_or(takes),
        expected: *expected,
        required: argument.bool("required")?.unwrap_or(true),
        sample: argument.text("sample")?,
        guess: argument.text("guess")?,
    })
}

fn variable(place: &JsonPlace<'_>) -> Result<Variable, String> {
    let variable = Object::new(place.path.clone(), place.value)?;
    variable.only(&["scope", "name", "type", "set"])?;
    let scopes = ["proc", "sess", "txn", "req", "res"];
    let scope = variable.text("scope")?.unwrap_or_default();
    if !scopes.contains(&scope.as_str()) {
        return Err(variable.wrong(&unknown("value", "scope", &scope, &scopes)));
    }
    let name = variable.text("name")?;
    let set = variable.text("set")?;
    Ok(Variable {
        scope,
        name: name.ok_or_else(|| variable.wrong("no name: write `\"name\": \"…\"`"))?,
        rust_type: variable.text("type")?,
        presence: match set.as_deref() {
            Some("always") => Presence::Always,
            Some("sometimes") => Presence::Sometimes,
            Some("failure") => Presence::Failure,
            None | Some("unknown") => Presence::Unknown,
            Some(other) => {
                let words = ["always", "sometimes", "failure", "unknown"];
                return Err(variable.wrong(&unknown("value", "set", other, &words)));
            }
        },
    })
}

fn verdict(place: &JsonPlace<'_>) -> Result<Verdict, String> {
    let verdict = Object::new(place.path.clone(), place.value)?;
    verdict.only(&[
        "declared_by",
        "action",
        "status",
        "data",
        "content_type",
        "reason",
        "outcomes",
        "headers",
    ])?;
    let usual = Verdict::default();
    let name = |key, usual| Ok::<_, String>(verdict.text(key)?.unwrap_or(usual));
    let outcomes = verdict.list("outcomes")?;
    let outcomes: Result<_, _> = outcomes.iter().map(outcome).collect();
    let headers = verdict.list("headers")?;
    let headers: Result<_, _> = headers.iter().map(header).collect();
    Ok(Verdict {
        declared_by: name("declared_by", usual.declared_by)?,
        action: name("action", usual.action)?,
        status: name("status", usual.status)?,
        data: name("data", usual.data)?,
        content_type: name("content_type", usual.content_type)?,
        reason: name("reason", usual.reason)?,
        outcomes: outcomes?,
        headers: headers?,
    })
}

fn outcome(place: &JsonPlace<'_>) -> Result<Outcome, String> {
    let outcome = Object::new(place.path.clone(), place.value)?;
    outcome.only(&["action", "status"])?;
    let action = outcome.text("action")?.unwrap_or_default();
    let names: Vec<_> = Action::ALL.iter().map(|action| action.name()).collect();
    let known = Action::named(&action);
    Ok(Outcome {
        action: known.ok_or_else(|| outcome.wrong(&unknown("value", "action", &action, &names)))?,
        status: outcome.number("status")?.map(|status| status as u16),
    })
}

fn header(place: &JsonPlace<'_>) -> Result<HeaderRule, String> {
    let header = Object::new(place.path.clone(), place.value)?;
    header.only(&["of", "change", "name", "variable"])?;
    let (of, change) = (header.text("of")?, header.text("change")?);
    let variable = header.text("variable")?;
    Ok(HeaderRule {
        of_response: match of.as_deref() {
            None | Some("request") => false,
            Some("response") => true,
            Some(of) => {
                let words = ["request", "response"];
                return Err(header.wrong(&unknown("value", "of", of, &words)));
            }
        },
        change: match change.as_deref() {
            None | Some("set") => HeaderChange::Set,
            Some("add") => HeaderChange::Add,
            Some("remove") => HeaderChange::Remove,
            Some(change) => {
                let words = ["set", "add", "remove"];
                return Err(header.wrong(&unknown("value", "change", change, &words)));
            }
        },
        name: header.text("name")?,
        variable: variable
            .ok_or_else(|| header.wrong("no variable: write `\"variable\": \"…\"`"))?,
    })
}

/// Says which word was probably meant, or lists all.
fn unknown(what: &str, key: &str, word: &str, known: &[&str]) -> String {
    match spoa_facts::nearest(word, known.iter().copied()) {
        Some(meant) => format!("unknown {what} `{word}` of `{key}`: did you mean `{meant}`?"),
        None => format!(
            "unknown {what} `{word}` of `{key}`: write one of `{}`",
            known.join("`, `")
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(messages: &str) -> String {
        read(&format!(
            r#"{{ "format": 1, "agent": "a", "messages": {messages} }}"#
        ))
        .unwrap_err()
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        for (messages, expected) in [
            ("5", "`messages` takes a list: `[ … ]`"),
            ("[5]", "messages[0]: write an object: `{ … }`"),
            (
                "[{}]",
                "messages[0]: no name: write `\"message\": \"…\"`, or `null` for a handler of all other \
                 messages",
            ),
            (
                r#"[{"message": "m", "argumnets": []}]"#,
                "messages[0]: unknown key `argumnets`: did you mean `arguments`?",
            ),
            (
                r#"[{"message": "m"}, {"message": "n", "arguments": [{}]}]"#,
                "messages[1].arguments[0]: write either `name` or `index`",
            ),
            (
                r#"[{"message": "m", "arguments": [{"name": "a", "takes": "adress"}]}]"#,
                "messages[0].arguments[0]: unknown value `adress` of `takes`: did you mean `address`?",
            ),
            (
                r#"[{"message": "m", "variables": [{"scope": "txn"}]}]"#,
                "messages[0].variables[0]: no name: write `\"name\": \"…\"`",
            ),
            (
                r#"[{"message": "m", "timeout_ms": -1}]"#,
                "messages[0]: `timeout_ms` takes a number, at least 0",
            ),
        ] {
            assert_eq!(problem(messages), expected);
        }
    }

    #[test]
    fn only_the_known_format_is_read() {
        for (text, expected) in [
            ("[]", "write an object: `{ … }`"),
            ("{}", "no format: write `\"format\": 1`"),
            (
                r#"{"format": 2}"#,
                "format 2 is not supported: this program reads format 1",
            ),
            (
                r#"{"format": 1}"#,
                "no name of the agent: write `\"agent\": \"…\"`",
            ),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
        assert!(read("{").unwrap_err().starts_with("invalid JSON: "));
    }

    #[test]
    fn omitted_keys_of_a_description_have_safe_defaults() {
        let text = r#"{ "format": 1, "agent": "a", "messages": [
            { "message": "m", "arguments": [{ "name": "ip" }], "variables": [{ "scope": "txn", "name": "v" },
                { "scope": "txn", "name": "e", "set": "failure" }] },
            { "message": null }
        ] }"#;
        let agent = read(text).unwrap();
        let message = &agent.messages[0];
        assert!(agent.fallback && !message.complete && message.timeout.is_none());
        let argument = &message.arguments[0];
        assert_eq!(
            (argument.expected, argument.required),
            (Expected::Any, true)
        );
        assert_eq!(message.variables[0].presence, Presence::Unknown);
        assert_eq!(message.variables[1].presence, Presence::Failure);
    }
}

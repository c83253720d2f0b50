//! The reference page of an agent in Markdown: its messages, arguments and variables.

use super::argument::{attribute, shown};
use super::configuration::Warning;
use super::durations::time;
use crate::{Agent, Argument, Expected, Message, Variable};

/// Returns the reference of an agent's messages, arguments and variables, as Markdown.
///
/// ```
/// use spoa_config::write::page;
/// use spoa_config::{Agent, Message};
///
/// let check = Message { name: "check".into(), docs: "Checks an address.".into(), ..Message::default() };
/// let agent = Agent { name: "iprep".into(), messages: vec![check], ..Agent::default() };
/// let page = page(&agent);
/// assert!(page.starts_with("# iprep\n"));
/// assert!(page.contains("## `check`\n\nChecks an address.\n"));
/// ```
#[must_use]
pub fn page(agent: &Agent) -> String {
    let mut page = format!("# {}\n\n", agent.name);
    let listeners: Vec<_> = agent.listeners.iter().map(|it| code(it)).collect();
    if !listeners.is_empty() {
        page.push_str(&format!(
            "An SPOE agent for HAProxy. It listens on {}.\n\n",
            listeners.join(", ")
        ));
    }
    if !agent.messages.is_empty() {
        page.push_str("| message | sent | sets |\n|---|---|---|\n");
        for message in &agent.messages {
            let variables: Vec<_> = message.variables.iter().map(variable_name).collect();
            page.push_str(&row(&[
                format!("[{}](#{})", code(&message.name), anchor(&message.name)),
                sent(message),
                variables.join(", "),
            ]));
        }
        page.push('\n');
    }
    for message in &agent.messages {
        page.push_str(&section(message));
    }
    if agent.fallback {
        page.push_str("## Any other message\n\nis answered as well, by a fallback.\n\n");
    }
    format!("{}\n", page.trim_end())
}

/// Returns a warning for each argument of which neither its handler nor its name says where HAProxy gets it.
///
/// ```
/// use spoa_config::write::unsaid;
///
/// assert_eq!(unsaid(&spoa_config::Agent::default()), []);
/// ```
#[must_use]
pub fn unsaid(agent: &Agent) -> Vec<Warning> {
    let arguments = agent.messages.iter().flat_map(|message| {
        let arguments = message.arguments.iter();
        arguments.map(move |argument| (message, argument))
    });
    let unsaid = arguments.filter(|(_, it)| it.sample.is_none() && it.guess.is_none());
    let warnings = unsaid.map(|(message, argument)| {
        let (shown, attribute) = (shown(argument), attribute(argument));
        let (name, rust_type) = (&message.name, &argument.rust_type);
        Warning {
            location: Some(message.location.clone()),
            text: format!(
                "argument `{shown}: {rust_type}` of message `{name}` has no sample, since nothing says \
                 where HAProxy gets it: write `{attribute}` before it"
            ),
        }
    });
    warnings.collect()
}

fn section(message: &Message) -> String {
    let mut section = format!("## {}\n\n", code(&message.name));
    if !message.docs.trim().is_empty() {
        section.push_str(&format!("{}\n\n", deepened(message.docs.trim())));
    }
    section.push_str(&format!("- Sent: {}\n", sent(message)));
    match message.timeout {
        Some(timeout) => {
            let timeout = time(timeout);
            section.push_str(&format!(
                "- Timeout: {timeout}, after which it is answered without this handler\n"
            ));
        }
        None => section.push_str("- Timeout: none\n"),
    }
    section.push_str(&format!("- Handler: {}\n\n", code(&message.function)));
    if message.arguments.is_empty() {
        section.push_str("No arguments are known.\n\n")
    } else {
        section
            .push_str("| argument | type | takes | sample | required |\n|---|---|---|---|---|\n");
        section.extend(message.arguments.iter().map(argument));
        section.push('\n');
    }
    if message.variables.is_empty() {
        section.push_str("No variables are known to be set.\n\n")
    } else {
        section.push_str("| variable | scope | type |\n|---|---|---|\n");
        section.extend(message.variables.iter().map(variable));
        section.push('\n');
    }
    section
}

fn argument(argument: &Argument) -> String {
    let name = match (&argument.name, argument.index) {
        (_, Some(index)) => format!("at position {index}"),
        (Some(name), None) => code(name),
        (None, None) => String::new(),
    };
    let sample = match (&argument.sample, &argument.guess) {
        (Some(sample), _) => code(sample),
        (None, Some(guess)) => format!("{}, by its name", code(guess)),
        (None, None) => "TODO".to_owned(),
    };
    let required = if argument.required { "yes" } else { "no" };
    row(&[
        name,
        code(&argument.rust_type),
        takes(argument.expected).to_owned(),
        sample,
        required.to_owned(),
    ])
}

fn variable(variable: &Variable) -> String {
    let rust_type = variable.rust_type.as_deref().map(code);
    let scope = match variable.scope.as_str() {
        "proc" => "`proc`: all of HAProxy",
        "sess" => "`sess`: the client's connection",
        "txn" => "`txn`: request and answer",
        "req" => "`req`: the request",
        "res" => "`res`: the answer",
        other => other,
    };
    row(&[
        variable_name(variable),
        scope.to_owned(),
        rust_type.unwrap_or_default(),
    ])
}

/// Returns the name as rules write it, but for the prefix that spoe.conf chooses.
fn variable_name(variable: &Variable) -> String {
    code(&format!("{}.{}", variable.scope, variable.name))
}

fn sent(message: &Message) -> String {
    let condition = message
        .condition
        .as_deref()
        .map(|it| format!(" {}", code(it)));
    let condition = condition.unwrap_or_default();
    match (&message.event, &message.group) {
        (Some(event), _) => format!("{}{condition}", code(event)),
        (None, Some(group)) => format!("with the group {}{condition}", code(group)),
        (None, None) => "when spoe.conf says".to_owned(),
    }
}

fn takes(expected: Expected) -> &'static str {
    match expected {
        Expected::Bool => "a boolean",
        Expected::Integer => "an integer",
        Expected::Address => "an address",
        Expected::Ipv4 => "an IPv4 address",
        Expected::Ipv6 => "an IPv6 address",
        Expected::Text => "UTF-8 text",
        Expected::Bytes => "text or binary",
        Expected::Any => "anything",
        _ => "what its type says",
    }
}

/// Returns a text as code in a table: a bar would end the cell.
fn code(text: &str) -> String {
    format!("`{}`", text.replace('|', "\\|"))
}

fn row(cells: &[String]) -> String {
    let cells = cells
        .iter()
        .map(|cell| if cell.is_empty() { "-" } else { cell });
    format!("| {} |\n", cells.collect::<Vec<_>>().join(" | "))
}

/// Returns the target of links to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    kept.collect::<String>().to_ascii_lowercase()
}

/// Returns the text of a doc comment with its headings below that of its message.
fn deepened(docs: &str) -> String {
    let mut fenced = false;
    let lines = docs.lines().map(|line| {
        fenced ^= line.trim_start().starts_with("```");
        if !fenced && line.starts_with('#') {
            format!("##{line}")
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

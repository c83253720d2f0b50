//! Messages that a client can make too large for a frame, by what the handlers say of their samples.
//!
//! A message is left out if its handler does not say when it is sent, and so is an argument without a sample.

use crate::agent::{Agent, Message};
use spoa_facts::{Event, Expression, Frame, Sent};

/// Says of each event and group whether a client can make its messages too large for a frame, and what to
/// change.
///
/// ```
/// use spoa_config::{Agent, overfull};
///
/// let agent = Agent {
///     name: "my-agent".to_owned(),
///     messages: Vec::new(),
///     fallback: false,
///     listeners: Vec::new(),
///     max_frame_size: 16_380,
///     tls: None,
/// };
/// assert!(overfull(&agent).is_empty());
/// ```
#[must_use]
pub fn overfull(agent: &Agent) -> Vec<String> {
    let mut seen: Vec<Key<'_>> = Vec::new();
    let mut found = Vec::new();
    for message in &agent.messages {
        let Some(key) = key(message).filter(|key| !seen.contains(key)) else {
            continue;
        };
        seen.push(key);
        let together: Vec<&Message> = agent
            .messages
            .iter()
            .filter(|other| self::key(other) == Some(key))
            .collect();
        found.extend(excess(agent, &together, key));
    }
    found
}

/// A key that messages of one NOTIFY share: the event or the group, and the condition.
type Key<'m> = (Option<&'m str>, Option<&'m str>, Option<&'m str>);

fn key(message: &Message) -> Option<Key<'_>> {
    let event = message.event.as_deref();
    let of_response = event
        .and_then(|event| event.parse::<Event>().ok())
        .is_some_and(|event| matches!(event, Event::TcpResponse | Event::HttpResponse));
    let key = (
        event,
        message.group.as_deref(),
        message.condition.as_deref(),
    );
    (!of_response && (key.0.is_some() || key.1.is_some())).then_some(key)
}

fn excess(agent: &Agent, messages: &[&Message], (event, group, _): Key<'_>) -> Option<String> {
    let standard = Frame::default();
    let frame = Frame {
        size: standard.size.min(agent.max_frame_size as usize),
        ..standard
    };
    let parsed: Vec<Vec<_>> = messages
        .iter()
        .map(|message| {
            let arguments = message.arguments.iter();
            let args = arguments.map(|argument| {
                let sample = argument.sample.as_deref();
                let expression = sample.and_then(|text| Expression::parse_word(text).ok());
                (argument.name.as_deref().unwrap_or_default(), expression)
            });
            args.collect()
        })
        .collect();
    let sent: Vec<_> = messages
        .iter()
        .zip(&parsed)
        .map(|(message, args)| Sent {
            name: &message.name,
            args: args
                .iter()
                .map(|(name, expression)| (*name, expression.as_ref()))
                .collect(),
        })
        .collect();
    let excess = frame.excess(&sent)?;
    let names: Vec<_> = messages
        .iter()
        .map(|message| format!("`{}`", message.name))
        .collect();
    let s = if names.len() == 1 { "" } else { "s" };
    let when = match (event, group) {
        (Some(event), _) => format!("at `{event}`"),
        (None, group) => format!("of group `{}`", group.unwrap_or_default()),
    };
    Some(format!(
        "message{s} {} {when}: a client can have HAProxy from 3.1 on send nothing, so that no handler \
         checks its request: {excess}, and a frame holds {} bytes; take these bytes once, or cut a copy \
         with `bytes(0,N)`",
        names.join(", "),
        excess.room,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Argument, Expected};

    fn message(name: &str, event: Option<&str>, samples: &[&str]) -> Message {
        let arguments = samples.iter().map(|sample| Argument {
            name: Some("a".to_owned()),
            index: None,
            rust_type: "&[u8]".to_owned(),
            expected: Expected::Bytes,
            required: false,
            sample: Some((*sample).to_owned()),
            guess: None,
        });
        Message {
            name: name.to_owned(),
            function: name.to_owned(),
            location: ("main.rs".to_owned(), 1),
            docs: String::new(),
            timeout: None,
            event: event.map(str::to_owned),
            condition: None,
            group: None,
            verdicts: Vec::new(),
            complete: true,
            arguments: arguments.collect(),
            variables: Vec::new(),
        }
    }

    fn found(messages: Vec<Message>, max_frame_size: u32) -> Vec<String> {
        overfull(&Agent {
            name: "agent".to_owned(),
            messages,
            fallback: false,
            listeners: Vec::new(),
            max_frame_size,
            tls: None,
        })
    }

    const HTTP: Option<&str> = Some("on-frontend-http-request");

    #[test]
    fn bytes_that_are_sent_twice_are_found() {
        let one = message("check", HTTP, &["url", "query"]);
        assert_eq!(
            found(vec![one.clone()], 16_384),
            [
                "message `check` at `on-frontend-http-request`: a client can have HAProxy from 3.1 on \
              send nothing, so that no handler checks its request: `url` and `query` both carry the \
              query, and a frame holds 16347 bytes; take these bytes once, or cut a copy with \
              `bytes(0,N)`"
            ]
        );
        let two = [message("a", HTTP, &["url"]), message("b", HTTP, &["url"])];
        let text = found(two.to_vec(), 16_384).concat();
        assert!(text.starts_with("messages `a`, `b` at"), "{text}");
        let small = message("small", HTTP, &["url"]);
        assert_eq!(found(vec![small.clone()], 16_384), [""; 0]);
        assert_eq!(found(vec![small], 4_096).len(), 1);
    }

    #[test]
    fn messages_apart_and_unknown_samples_are_left_out() {
        let apart = [
            message("a", HTTP, &["url"]),
            message("b", Some("on-backend-http-request"), &["url"]),
            message("c", None, &["url", "url"]),
            message("d", Some("on-http-response"), &["res.body", "res.body"]),
        ];
        assert_eq!(found(apart.to_vec(), 16_384), [""; 0]);
        let mut other = message("b", HTTP, &["url"]);
        other.condition = Some("if { path / }".to_owned());
        let conditions = vec![message("a", HTTP, &["url"]), other];
        assert_eq!(found(conditions, 16_384), [""; 0]);
    }
}

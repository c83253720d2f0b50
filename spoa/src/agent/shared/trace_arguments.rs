//! The arguments by which a request is found in logs and traces: its unique id, and its `traceparent`; and those that the
//! log must not show.

use crate::handler::{ArgumentDescription, Definition};
use crate::spop::{Message, Value};

/// The most bytes of a unique id in a log line.
const MAX_ID: usize = 128;

/// The arguments of a handler that identify a request, and those that are secret.
#[derive(Debug, Default)]
pub(crate) struct TraceArguments {
    unique_id: Option<ArgumentPlace>,
    traceparent: Option<ArgumentPlace>,
    /// The arguments that no line of the log may show.
    secrets: Vec<ArgumentPlace>,
}

/// The arguments of all handlers that a program must not show.
#[cfg(feature = "tools")]
#[derive(Debug)]
pub(crate) struct SecretArguments(Vec<(Option<&'static str>, TraceArguments)>);

#[cfg(feature = "tools")]
impl SecretArguments {
    /// Finds the secret arguments of handlers.
    pub(crate) fn of(handlers: &[&'static Definition]) -> Self {
        let handlers = handlers.iter();
        let named = handlers.map(|it| (it.message_name(), TraceArguments::of(it)));
        SecretArguments(named.collect())
    }

    /// Returns whether an argument is secret, which is at this place of its message. If no handler has the message, its
    /// name may be misspelt, so an argument that is secret for any handler is secret.
    pub(crate) fn contain(&self, message: &Message<'_>, index: usize, name: &[u8]) -> bool {
        let Some(index) = index.checked_sub(message.first_handler_argument()) else {
            return false;
        };
        let of = |wanted: Option<&[u8]>| {
            let mut found = self.0.iter();
            found.find(|(known, _)| known.map(str::as_bytes) == wanted)
        };
        match of(Some(message.name().as_bytes())).or_else(|| of(None)) {
            Some((_, arguments)) => arguments.is_secret(index, name),
            None => self.0.iter().any(|(_, it)| it.is_secret(index, name)),
        }
    }
}

/// The place of an argument in its message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ArgumentPlace {
    Name(&'static str),
    Index(usize),
}

impl TraceArguments {
    /// Finds the arguments by their samples.
    pub(crate) fn of(definition: &Definition) -> Self {
        let arguments = definition.description().arguments;
        let find = |is: fn(&str) -> bool| {
            let mut found = arguments.iter();
            found
                .find(|argument| argument.sample.is_some_and(is))
                .and_then(place)
        };
        TraceArguments {
            unique_id: find(is_unique_id),
            traceparent: find(is_traceparent),
            secrets: arguments
                .iter()
                .filter(|argument| argument.secret)
                .filter_map(place)
                .collect(),
        }
    }

    /// Returns whether no line of the log may show an argument.
    pub(crate) fn is_secret(&self, index: usize, name: &[u8]) -> bool {
        self.secrets.iter().any(|secret| match secret {
            ArgumentPlace::Name(secret) => secret.as_bytes() == name,
            ArgumentPlace::Index(secret) => *secret == index,
        })
    }

    /// Returns the arguments by the names that `config` gives them, for messages without a handler.
    pub(crate) fn usual() -> Self {
        TraceArguments {
            unique_id: Some(ArgumentPlace::Name("unique-id")),
            ..TraceArguments::default()
        }
    }

    /// Returns the unique id of a message, if it carries one.
    pub(crate) fn request_id(&self, message: &Message<'_>) -> Option<String> {
        let bytes = self.unique_id?.bytes(message)?;
        let bytes = bytes.get(..MAX_ID).unwrap_or(bytes);
        // Without `unique-id-format`, HAProxy sends an empty one.
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
    }

    /// Returns the `traceparent` header of a message, if it carries one.
    pub(crate) fn traceparent<'m>(&self, message: &Message<'m>) -> Option<&'m str> {
        let bytes = self.traceparent?.bytes(message)?;
        std::str::from_utf8(bytes).ok()
    }
}

fn place(argument: &ArgumentDescription) -> Option<ArgumentPlace> {
    let name = argument.name.map(ArgumentPlace::Name);
    name.or(argument.index.map(ArgumentPlace::Index))
}

impl ArgumentPlace {
    fn bytes<'m>(self, message: &Message<'m>) -> Option<&'m [u8]> {
        let value = match self {
            ArgumentPlace::Name(name) => message.args().get(name),
            ArgumentPlace::Index(index) => message.args().at(index),
        };
        match value? {
            Value::String(bytes) | Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }
}

/// Returns whether a sample is HAProxy's id of a request, also with converters.
fn is_unique_id(sample: &str) -> bool {
    let fetch = sample.split(',').next();
    fetch.is_some_and(|fetch| fetch.trim() == "unique-id")
}

/// Returns whether a sample is the `traceparent` header of a request.
fn is_traceparent(sample: &str) -> bool {
    let sample = sample.to_ascii_lowercase();
    sample.starts_with("req.") && sample.contains("hdr(traceparent")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_say_which_arguments_identify_a_request() {
        for (sample, is) in [
            ("unique-id", true),
            ("unique-id,lower", true),
            ("unique-id-of", false),
            ("str(unique-id)", false),
        ] {
            assert_eq!(is_unique_id(sample), is, "{sample}");
        }
        for (sample, is) in [
            ("req.fhdr(traceparent)", true),
            ("req.hdr(TraceParent,1)", true),
            ("res.hdr(traceparent)", false),
            ("req.hdr(tracestate)", false),
        ] {
            assert_eq!(is_traceparent(sample), is, "{sample}");
        }
    }
}

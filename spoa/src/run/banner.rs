//! The banner that an agent prints when it starts: its handlers, its addresses, and two commands to try.

use crate::handler::__macros::{ArgumentDescription, Description};
use crate::handler::{Definition, Expected, MessageSubject, NamedFetch};
use spoa_facts::{is_unix, server_address};

/// The facts about an agent that the banner shows.
#[derive(Debug)]
pub(super) struct Banner<'a> {
    pub(super) name: &'a str,
    pub(super) version: &'a str,
    /// The path that the program was called by.
    pub(super) program: &'a str,
    pub(super) handlers: &'a [&'static Definition],
    pub(super) listeners: Vec<&'a str>,
    /// Whether the TCP listeners take TLS.
    pub(super) tls: bool,
    /// The options on its command line that the program's own values come from, without their values.
    pub(super) own: &'a [String],
    /// The number of listeners that were passed to the program. They come first.
    pub(super) passed: usize,
}

impl Banner<'_> {
    /// Returns the lines, each with its line feed.
    pub(super) fn text(&self) -> String {
        let mut lines = vec![format!("{} {}", self.name, self.version)];
        let message = |handler: &Definition| handler.message_name().unwrap_or("(any other)");
        let widths = self
            .handlers
            .iter()
            .map(|handler| message(handler).chars().count());
        let width = widths.max().unwrap_or_default();
        for handler in self.handlers {
            let (function, (file, line)) = (handler.function(), handler.location());
            let message = message(handler);
            lines.push(format!("  {message:width$}  {function} ({file}:{line})"));
        }
        for (number, address) in self.listeners.iter().enumerate() {
            let tls = if self.takes_tls(address) {
                " with TLS"
            } else {
                ""
            };
            let by = if number < self.passed {
                " (a socket of LISTEN_FDS)"
            } else {
                ""
            };
            lines.push(format!("listening on {address}{tls}{by}"));
        }
        lines.push(String::new());
        if let Some(handler) = self.handlers.first() {
            let (message, description) = (handler.message_name(), handler.description());
            let mut words = vec![self.program.to_owned(), "call".to_owned()];
            words.extend_from_slice(self.own);
            words.push(message.unwrap_or("any-message").to_owned());
            words.extend(samples(&description));
            lines.push(format!("Try it without HAProxy:  {}", words.join(" ")));
            let tools = cfg!(feature = "tools");
            if let Some(address) = self.listeners.first().filter(|_| tools) {
                let tls = if self.takes_tls(address) {
                    " --tls-cert …"
                } else {
                    ""
                };
                lines.push(format!(
                    "Wire HAProxy to it:      {} config --server {}{tls}",
                    self.program,
                    server_address(address).unwrap_or_else(|| (*address).to_owned())
                ));
            }
        }
        lines.join("\n") + "\n"
    }
}

impl Banner<'_> {
    fn takes_tls(&self, address: &str) -> bool {
        self.tls && !is_unix(address)
    }
}

/// Returns example arguments for `call` that the handler takes, chosen by name and type.
pub(super) fn samples(description: &Description) -> Vec<String> {
    let required = description
        .arguments
        .iter()
        .filter(|argument| argument.required);
    let (placed, named): (Vec<_>, Vec<_>) = required.partition(|argument| argument.index.is_some());
    let last = placed.iter().filter_map(|argument| argument.index).max();
    let mut named = named.into_iter();
    let mut samples = Vec::new();
    // Arguments with a place keep it; other arguments, or NULLs, fill the places between them.
    for place in 0..last.map_or(0, |last| last + 1) {
        let here = placed.iter().find(|argument| argument.index == Some(place));
        samples.push(match here.copied().or_else(|| named.next()) {
            Some(argument) => sample(argument),
            None => "null".to_owned(),
        });
    }
    samples.extend(named.map(sample));
    samples
}

fn sample(argument: &ArgumentDescription) -> String {
    let name = argument.name.filter(|_| argument.index.is_none());
    let fetch =
        name.and_then(|name| NamedFetch::find(name, argument.expected, MessageSubject::Connection));
    let example = fetch.map(|fetch| fetch.example);
    let value = match argument.expected {
        Expected::Integer { min, max } => {
            let number = example.and_then(|example| example.parse().ok());
            number.unwrap_or(443).clamp(min, max).to_string()
        }
        Expected::Ipv6 => "2001:db8::7".to_owned(),
        Expected::Address | Expected::Ipv4 => example.unwrap_or("192.0.2.7").to_owned(),
        Expected::Bool => "true".to_owned(),
        Expected::Headers => "hdrs:host:www.example.com".to_owned(),
        // An enum of strings lists them, each between backticks.
        Expected::Other(words) => words.split('`').nth(1).unwrap_or("text").to_owned(),
        _ => example.unwrap_or("text").to_owned(),
    };
    match name {
        Some(name) => format!("{name}={value}"),
        None => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn argument(
        name: Option<&'static str>,
        index: Option<usize>,
        expected: Expected,
    ) -> ArgumentDescription {
        ArgumentDescription {
            secret: false,
            name,
            index,
            rust_type: "T".into(),
            expected,
            sample: None,
            default_sample: crate::handler::DefaultSample::NONE,
            may_be_missing: false,
            attribute: "arg",
            takes_null: false,
            required: true,
        }
    }

    #[test]
    fn the_example_of_headers_is_a_block_of_headers() {
        for name in ["headers", "h"] {
            let text = sample(&argument(Some(name), None, Expected::Headers));
            let sent = crate::client::Argument::parse(text).unwrap();
            let block = sent.value.as_value();
            let headers =
                <crate::http::Headers<'_> as crate::handler::FromValue<'_>>::from_value(block);
            assert_eq!(headers.unwrap().get("host"), Some(&b"www.example.com"[..]));
        }
    }

    #[test]
    fn the_example_call_has_values_that_the_handler_takes() {
        let port = Expected::Integer { min: 0, max: 65535 };
        let mut optional = argument(Some("ua"), None, Expected::Text);
        optional.required = false;
        let mut given = argument(Some("real"), None, Expected::Address);
        given.sample = Some("req.hdr(x-ip)");
        let description = Description {
            arguments: vec![
                argument(Some("ip"), None, Expected::Address),
                argument(Some("port"), None, port),
                argument(
                    Some("level"),
                    None,
                    Expected::Integer {
                        min: -128,
                        max: 127,
                    },
                ),
                argument(Some("method"), None, Expected::Text),
                argument(
                    Some("kind"),
                    None,
                    Expected::Other("one of `bot` and `human`"),
                ),
                optional,
                given,
            ],
            ..Description::default()
        };
        assert_eq!(
            samples(&description),
            [
                "ip=192.0.2.7",
                "port=443",
                "level=127",
                "method=GET",
                "kind=bot",
                "real=192.0.2.7"
            ]
        );
    }

    #[test]
    fn the_example_call_keeps_the_positions_of_arguments() {
        let named = argument(Some("ssl"), None, Expected::Bool);
        let placed = |index| argument(Some("x"), Some(index), Expected::Text);
        let samples_of = |arguments: Vec<_>| {
            samples(&Description {
                arguments,
                ..Description::default()
            })
            .join(" ")
        };
        assert_eq!(
            samples_of(vec![named.clone(), placed(1), placed(0)]),
            "text text ssl=true"
        );
        assert_eq!(samples_of(vec![named, placed(2)]), "ssl=true null text");
    }
}

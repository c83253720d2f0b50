//! The decisions that come before the first line: names, servers, messages and when each is sent.

use super::argument::{Arg, one_word};
use super::condition;
use super::configuration::Warning;
use super::durations::processing;
use super::options::{Options, Refusal};
use super::planned_verdict::PlannedVerdict;
use super::sticky::Sticky;
use super::table::Table;
use crate::read::SECTIONS;
use crate::{Agent, Message, Variable};
use spoa_facts::{Event, is_in_name, is_in_variable, is_unix, server_address};
use std::time::Duration;

/// The variable that HAProxy sets if there is no answer.
pub(super) const ERROR: &str = "spoe_error";

/// The decisions about a configuration.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) agent: &'a Agent,
    pub(super) options: &'a Options,
    pub(super) engine: String,
    pub(super) prefix: String,
    /// The name of the agents' backend.
    pub(super) backend: String,
    pub(super) servers: Vec<String>,
    /// The key that chooses an agent.
    pub(super) sticky: Option<Sticky>,
    /// The answers that HAProxy keeps.
    pub(super) cache: Option<Table>,
    /// `timeout processing`.
    pub(super) processing: Duration,
    pub(super) messages: Vec<Planned<'a>>,
    pub(super) groups: Vec<Group<'a>>,
    /// The rules that enforce verdicts.
    pub(super) verdicts: Vec<PlannedVerdict>,
    pub(super) warnings: Vec<Warning>,
}

/// A message, and how it is sent.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    pub(super) message: &'a Message,
    pub(super) args: Vec<Arg>,
    /// The earliest event at which all its samples are there.
    pub(super) earliest: Event,
    /// The event that the handler names, or else the earliest.
    pub(super) wanted: &'a str,
    /// The event; `None` if a rule sends the message.
    pub(super) event: Option<&'a str>,
    /// The group that the message is sent with, if a rule sends it.
    pub(super) group: Option<String>,
    /// The proof of an answer that `--fail closed` asks for.
    pub(super) proof: Proof,
}

impl Planned<'_> {
    /// Returns whether the message carries the body of a request.
    pub(super) fn has_request_body(&self) -> bool {
        let fetches = ["req.body", "req.body_len", "req.body_param"];
        self.args.iter().any(|arg| arg.fetches(&fetches))
    }

    /// Returns whether the message carries the body of a response.
    pub(super) fn has_response_body(&self) -> bool {
        let fetches = ["res.body", "res.body_len"];
        self.args.iter().any(|arg| arg.fetches(&fetches))
    }
}

/// The proof that a message was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Proof {
    /// A variable that only a success of the handler sets.
    Sign(Sign),
    /// No rule can ask for a proof, for this reason.
    Missing(String),
}

/// A variable that is set if the handler has succeeded, and by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Sign {
    /// The variable as rules write it.
    pub(super) variable: String,
    /// The variable without its prefix, if the agent sets it only because a message asks for it.
    pub(super) asked: Option<String>,
    /// The rules that can ask for it.
    pub(super) side: Side,
}

/// The rules that come after the answer to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The `http-request` rules of the frontend.
    Request,
    /// The `http-request` rules of a backend.
    Backend,
    /// The `http-response` rules.
    Response,
}

impl Side {
    /// Returns the first word of the rules.
    pub(super) fn rules(self) -> &'static str {
        match self {
            Side::Request | Side::Backend => "http-request",
            Side::Response => "http-response",
        }
    }
}

/// Messages that a rule sends together.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: String,
    pub(super) messages: Vec<&'a str>,
    /// Whether one of the messages carries the body of a request.
    pub(super) request_body: bool,
    /// Whether one of the messages carries the body of a response.
    pub(super) response_body: bool,
    /// Whether the site's own rules send it.
    pub(super) by_rules: bool,
    /// The earliest event at which the samples of all its messages are there.
    pub(super) earliest: Event,
    pub(super) condition: Option<&'a str>,
}

impl<'a> Plan<'a> {
    /// Decides about names, servers and timeouts. The messages follow.
    pub(super) fn new(agent: &'a Agent, options: &'a Options) -> Result<Self, Refusal> {
        if agent.messages.is_empty() {
            return Err(Refusal::NoMessages);
        }
        let engine = match &options.engine {
            Some(engine) if engine.is_empty() || corrected(engine, is_in_name) != *engine => {
                return Err(Refusal::Engine(engine.clone()));
            }
            Some(engine) => engine.clone(),
            None => corrected(&agent.name, is_in_name),
        };
        let prefix = match &options.prefix {
            Some(prefix) if prefix.is_empty() || corrected(prefix, is_in_variable) != *prefix => {
                return Err(Refusal::Prefix(prefix.clone()));
            }
            Some(prefix) => prefix.clone(),
            None => corrected(&engine, is_in_variable),
        };
        verdicts_exist(agent, options)?;
        Ok(Plan {
            backend: format!("{engine}-agents"),
            sticky: Sticky::new(options, &prefix)?,
            cache: None,
            engine,
            prefix,
            servers: servers(agent, options)?,
            processing: processing(agent),
            messages: Vec::new(),
            groups: Vec::new(),
            verdicts: Vec::new(),
            warnings: Vec::new(),
            agent,
            options,
        })
    }

    /// Returns the name of a variable as rules write it.
    pub(super) fn variable(&self, variable: &Variable) -> String {
        format!("{}.{}.{}", variable.scope, self.prefix, variable.name)
    }

    /// Returns the test of whether an agent is up, and the opposite test.
    pub(super) fn up(&self) -> [String; 2] {
        let backend = &self.backend;
        [
            format!("{{ nbsrv({backend}) gt 0 }}"),
            format!("{{ nbsrv({backend}) lt 1 }}"),
        ]
    }

    /// Returns a condition that holds only while an agent is up.
    pub(super) fn while_up(&self, condition: Option<&str>) -> String {
        let [holds, fails] = &self.up();
        condition::with(condition::TestAndOpposite { holds, fails }, condition)
    }

    /// Returns the words about TLS for a server's line, with a blank before them. Unix sockets have none.
    pub(super) fn ssl(&self, address: &str) -> String {
        let Some(tls) = &self.agent.tls else {
            return String::new();
        };
        if is_unix(address) {
            return String::new();
        }
        let authority = self.options.ca_file.as_ref().unwrap_or(&tls.certificate);
        let own = match (&self.options.crt, tls.mutual) {
            (Some(crt), _) => format!(" crt {}", one_word(crt)),
            (None, true) => " crt haproxy.pem".to_owned(),
            (None, false) => String::new(),
        };
        format!(" ssl verify required ca-file {}{own}", one_word(authority))
    }

    /// Adds a warning about a handler.
    pub(super) fn warn(&mut self, message: &Message, text: String) {
        self.warnings.push(Warning {
            location: Some(message.location.clone()),
            text,
        });
    }

    /// Returns the group that a message is sent with.
    pub(super) fn group(&self, planned: &Planned<'_>) -> Option<&Group<'a>> {
        let mut groups = self.groups.iter();
        groups.find(|group| planned.group.as_deref() == Some(&group.name))
    }

    /// Returns the rules that come after the answer to a group: those for responses if its samples need a response, or
    /// if a rule of the site's sends it with one.
    pub(super) fn side_of_group(&self, name: &str) -> Side {
        let mut groups = self.groups.iter();
        let late = groups.any(|it| it.name == name && it.earliest == Event::HttpResponse);
        let mut rules = self.rules();
        let sent_late = rules.any(|words| {
            let mut places = words.windows(3);
            matches!(words.first(), Some(&("http-response" | "tcp-response")))
                && places.any(|words| words == ["send-spoe-group", self.engine.as_str(), name])
        });
        if late || sent_late {
            Side::Response
        } else {
            Side::Request
        }
    }

    /// Returns the lines of the site's own rules, as words, without comments.
    pub(super) fn rules(&self) -> impl Iterator<Item = Vec<&'a str>> + use<'a> {
        let rules = self.options.rules.as_deref().unwrap_or_default();
        rules.lines().map(|line| {
            let words = line.split_whitespace();
            words.take_while(|word| !word.starts_with('#')).collect()
        })
    }

    /// Returns whether a line of the site's own rules begins with these words. The sections after the rules are not those
    /// of the frontend.
    pub(super) fn has(&self, words: &[&str]) -> bool {
        let mut of_frontend = self.rules().take_while(|line| !begins_section(line));
        of_frontend.any(|line| line.starts_with(words))
    }

    /// Returns whether sections follow the site's own rules.
    pub(super) fn has_sections(&self) -> bool {
        self.rules().any(|line| begins_section(&line))
    }

    /// Returns whether an argument of a message is the id that HAProxy gives each request.
    pub(super) fn takes_unique_ids(&self) -> bool {
        let mut args = self.messages.iter().flat_map(|it| &it.args);
        // `dev` has a format of its own.
        self.options.request_logging.is_none() && args.any(|arg| arg.sample() == Some("unique-id"))
    }

    /// Returns whether HAProxy buffers the body of each request, as the site's own rules say.
    pub(super) fn buffers_bodies(&self) -> bool {
        self.has(&["option", "http-buffer-request"])
    }

    /// Returns whether the backend of the servers is written, too.
    pub(super) fn writes_servers(&self) -> bool {
        !self.has(&["default_backend"])
    }
}

/// Returns whether a line is the first one of a section.
fn begins_section(line: &[&str]) -> bool {
    line.first().is_some_and(|word| SECTIONS.contains(word))
}

fn verdicts_exist(agent: &Agent, options: &Options) -> Result<(), Refusal> {
    let variables = agent.messages.iter().flat_map(|it| &it.variables);
    let mut known: Vec<String> = Vec::new();
    for variable in variables {
        let name = format!("{}.{}", variable.scope, variable.name);
        if !known.contains(&name) {
            known.push(name);
        }
    }
    let unknown = options.verdicts.iter().find(|it| !known.contains(it));
    match unknown {
        Some(given) => Err(Refusal::Verdict {
            given: given.clone(),
            known,
        }),
        None => Ok(()),
    }
}

fn servers(agent: &Agent, options: &Options) -> Result<Vec<String>, Refusal> {
    let listeners = match options.servers.as_slice() {
        // All listeners are one agent: one of them is enough.
        [] => agent.listeners.get(..1).unwrap_or_default(),
        servers => servers,
    };
    let addresses = listeners
        .iter()
        .map(|listener| server_address(listener).ok_or_else(|| Refusal::Address(listener.clone())));
    let addresses: Vec<_> = addresses.collect::<Result<_, _>>()?;
    match addresses.as_slice() {
        [] => Err(Refusal::Address(String::new())),
        _ => Ok(addresses),
    }
}

/// Returns the name with `_` for each character that does not fit.
fn corrected(name: &str, fits: impl Fn(char) -> bool) -> String {
    let corrected = name.chars().map(|c| if fits(c) { c } else { '_' });
    let corrected: String = corrected.collect();
    if corrected.is_empty() {
        "agent".to_owned()
    } else {
        corrected
    }
}

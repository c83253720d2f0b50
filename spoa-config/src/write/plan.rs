//! What is decided before a line is written: names, servers, times, when each message is sent.

use super::condition;
use super::ladder::Ladder;
use super::{Options, Refusal, Warning};
use crate::{Agent, Argument, Expected, Message, Series, Variable};
use spoa_facts::{
    Event, Expression, MAX_VARIABLE, is_in_name, is_in_variable, is_unix, server_address, show_time,
};
use std::time::Duration;

/// What a request waits for an answer at most, unless a handler may take longer.
const PROCESSING: Duration = Duration::from_millis(500);

/// `tune.bufsize` less 4: the size of frames unless somebody says otherwise.
pub(super) const FRAME: u32 = 16380;

/// The variable that HAProxy sets if no answer comes.
pub(super) const ERROR: &str = "spoe_error";

/// What is to be written.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) agent: &'a Agent,
    pub(super) options: &'a Options,
    pub(super) engine: String,
    pub(super) prefix: String,
    /// The name of the agents' backend.
    pub(super) backend: String,
    pub(super) servers: Vec<String>,
    /// `timeout processing`.
    pub(super) processing: Duration,
    pub(super) messages: Vec<Planned<'a>>,
    pub(super) groups: Vec<Group<'a>>,
    /// The rules that enforce verdicts.
    pub(super) ladders: Vec<Ladder>,
    pub(super) warnings: Vec<Warning>,
}

/// A message, and how it is sent.
#[derive(Debug)]
pub(super) struct Planned<'a> {
    pub(super) message: &'a Message,
    pub(super) args: Vec<Arg>,
    /// The earliest event at which all its samples are there.
    pub(super) earliest: Event,
    /// The event; `None` if a rule sends it.
    pub(super) event: Option<&'a str>,
    /// The group it is sent with, if a rule sends it.
    pub(super) group: Option<String>,
    /// What `--fail closed` asks for.
    pub(super) guard: Guard,
}

/// How a request is denied for which a message has not been answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Guard {
    /// By a rule that asks for a variable.
    Rule(Asked),
    /// Not at all: why.
    Missing(String),
}

/// What a rule asks for: it is set if the handler has succeeded, and by nothing else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// The variable as rules write it.
    pub(super) variable: String,
    /// The variable without its prefix, if the agent is to set it as a sign of success.
    pub(super) sign: Option<String>,
    /// Whether a rule about responses has to ask.
    pub(super) late: bool,
}

/// One word after `args`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Arg {
    /// It is known.
    Known(String),
    /// It is not: this one keeps HAProxy content. Behind it is what it is for.
    Placeholder(String, String),
    /// It is not, and the handler goes without: its name.
    Left(String),
}

impl Arg {
    /// Its sample, if that is known.
    pub(super) fn sample(&self) -> Option<&str> {
        let Arg::Known(word) = self else {
            return None;
        };
        Some(match word.split_once('=') {
            // An argument without a name may have a `=` in its sample.
            Some((name, sample)) if !name.contains('(') => sample,
            _ => word,
        })
    }

    fn is_response_body(&self) -> bool {
        self.sample()
            .is_some_and(|sample| sample.starts_with("res.body"))
    }
}

/// Messages that a rule sends together.
#[derive(Debug)]
pub(super) struct Group<'a> {
    pub(super) name: String,
    pub(super) messages: Vec<&'a str>,
    /// Whether a sample of it is of a response's body, which has to be waited for.
    pub(super) body: bool,
    /// Whether the site's own rules send it.
    pub(super) by_rules: bool,
    /// The earliest event at which the samples of all its messages are there.
    pub(super) earliest: Event,
    pub(super) condition: Option<&'a str>,
}

impl<'a> Plan<'a> {
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
        let mut plan = Plan {
            backend: format!("{engine}-agents"),
            engine,
            prefix,
            servers: servers(agent, options)?,
            processing: processing(agent),
            messages: Vec::new(),
            groups: Vec::new(),
            ladders: Vec::new(),
            warnings: Vec::new(),
            agent,
            options,
        };
        plan.verdicts_exist()?;
        for message in &agent.messages {
            let planned = plan.message(message);
            plan.messages.push(planned);
        }
        plan.group();
        super::guard::decide(&mut plan);
        super::ladder::decide(&mut plan);
        plan.names();
        super::frame::check(&mut plan);
        plan.tls();
        Ok(plan)
    }

    /// The name of a variable as rules write it.
    pub(super) fn variable(&self, variable: &Variable) -> String {
        format!("{}.{}.{}", variable.scope, self.prefix, variable.name)
    }

    /// The test of whether an agent is there.
    pub(super) fn up(&self) -> [String; 2] {
        let backend = &self.backend;
        [
            format!("{{ nbsrv({backend}) gt 0 }}"),
            format!("{{ nbsrv({backend}) lt 1 }}"),
        ]
    }

    /// A condition that holds while an agent is there only.
    pub(super) fn while_up(&self, condition: Option<&str>) -> String {
        let [holds, fails] = &self.up();
        condition::with(condition::Test { holds, fails }, condition)
    }

    /// What a server's line says of TLS, with a blank before it. Unix sockets have none.
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

    /// What of TLS nobody knows here.
    fn tls(&mut self) {
        let Some(tls) = &self.agent.tls else {
            return;
        };
        if self
            .servers
            .iter()
            .all(|server| self.ssl(server).is_empty())
        {
            return;
        }
        let mut texts = Vec::new();
        if self.options.ca_file.is_none() {
            texts.push(format!(
                "HAProxy is told to trust `{}`, which holds if that certificate signed itself: else name \
                 the file of its authority with `--ca-file`",
                tls.certificate
            ));
        }
        if tls.mutual && self.options.crt.is_none() {
            texts.push(
                "the agent asks HAProxy for a certificate, and `crt haproxy.pem` is a placeholder: name \
                 the file of HAProxy's certificate and key with `--crt`"
                    .to_owned(),
            );
        }
        let location = None;
        self.warnings.extend(texts.into_iter().map(|text| Warning {
            location: location.clone(),
            text,
        }));
    }

    /// What a message's handler says that is worth a look.
    pub(super) fn warn(&mut self, message: &Message, text: String) {
        self.warnings.push(Warning {
            location: Some(message.location.clone()),
            text,
        });
    }

    fn message(&mut self, message: &'a Message) -> Planned<'a> {
        let args = self.args(message);
        let words: Vec<_> = args.iter().filter_map(Arg::sample).collect();
        let body = words.iter().any(|word| word.starts_with("res.body"));
        let earliest = earliest(words.into_iter(), self.options.series);
        if let Some(condition) = &message.condition {
            for name in condition::names(condition) {
                let text = format!(
                    "the condition of message `{}` names the ACL `{name}`, which spoe.conf does not \
                     have: write its test in braces, such as `{{ src 10.0.0.0/8 }}`",
                    message.name
                );
                self.warn(message, text);
            }
        }
        let event = message.event.as_deref().unwrap_or(earliest.name());
        let group = match &message.group {
            Some(group) => Some(group.clone()),
            // The event comes before the body. A rule waits for it, and sends the message then.
            None if body && event == "on-http-response" => Some(self.body_group(message)),
            None => None,
        };
        Planned {
            message,
            args,
            earliest,
            event: Some(event).filter(|_| group.is_none()),
            group,
            guard: Guard::Missing(String::new()),
        }
    }

    /// A name for the group of a message that has none, which no other group has.
    fn body_group(&self, message: &Message) -> String {
        let taken = |name: &str| {
            let mut groups = self
                .agent
                .messages
                .iter()
                .filter_map(|it| it.group.as_deref());
            groups.any(|group| group == name)
        };
        let mut name = message.name.clone();
        while taken(&name) {
            name.push_str("-body");
        }
        name
    }

    /// The arguments in their order: those with a place at theirs, the others around them.
    fn args(&mut self, message: &Message) -> Vec<Arg> {
        let arguments = message.arguments.iter();
        let (placed, named): (Vec<_>, Vec<_>) = arguments.partition(|arg| arg.index.is_some());
        let last = placed.iter().filter_map(|arg| arg.index).max();
        let mut named = named.into_iter();
        let mut args = Vec::new();
        for place in 0..last.map_or(0, |last| last + 1) {
            let here = placed.iter().find(|arg| arg.index == Some(place));
            args.push(match here.copied().or_else(|| named.next()) {
                Some(argument) => self.arg(message, argument, true),
                None => Arg::Known("str()".to_owned()),
            });
        }
        for argument in named {
            args.push(self.arg(message, argument, false));
        }
        args
    }

    fn arg(&mut self, message: &Message, argument: &Argument, keeps_place: bool) -> Arg {
        let name = argument
            .name
            .as_deref()
            .filter(|_| argument.index.is_none());
        let word = |sample: &str| match name {
            Some(name) => format!("{name}={sample}"),
            None => sample.to_owned(),
        };
        if let Some(sample) = argument.sample.as_ref().or(argument.guess.as_ref()) {
            return Arg::Known(word(&one_word(sample)));
        }
        let (shown, attribute) = (shown(argument), attribute(argument));
        let left = !argument.required && !keeps_place;
        let instead = if left {
            "is not sent".to_owned()
        } else {
            format!("is `{}`", placeholder(argument.expected))
        };
        let text = format!(
            "argument `{shown}: {}` of message `{}` {instead}, since nothing says where HAProxy gets \
             it: write `{attribute}` before it",
            argument.rust_type, message.name
        );
        self.warn(message, text);
        if left {
            Arg::Left(shown)
        } else {
            Arg::Placeholder(word(placeholder(argument.expected)), shown)
        }
    }

    fn group(&mut self) {
        let mut groups: Vec<Group<'a>> = Vec::new();
        let mut differ = Vec::new();
        for planned in &self.messages {
            let Some(name) = &planned.group else {
                continue;
            };
            let body = planned.args.iter().any(Arg::is_response_body);
            let condition = planned.message.condition.as_deref();
            match groups.iter_mut().find(|group| group.name == *name) {
                Some(group) => {
                    group.body |= body;
                    group.messages.push(&planned.message.name);
                    group.earliest = group.earliest.max(planned.earliest);
                    match (group.condition, condition) {
                        (None, condition) => group.condition = condition,
                        (Some(one), Some(other)) if one != other => differ.push(planned.message),
                        _ => {}
                    }
                }
                None => groups.push(Group {
                    by_rules: self.sends(name),
                    name: name.clone(),
                    body,
                    messages: vec![&planned.message.name],
                    earliest: planned.earliest,
                    condition,
                }),
            }
        }
        // HAProxy runs `tcp-request` rules before all others and wants them written before them.
        groups.sort_by_key(|group| group.earliest);
        self.groups = groups;
        for message in differ {
            let text = format!(
                "the condition of message `{}` is not written: one rule sends all of its group, and \
                 another message of that has another condition. Give it a group of its own",
                message.name
            );
            self.warn(message, text);
        }
    }

    /// HAProxy drops a variable whose whole name is too long, silently.
    fn names(&mut self) {
        for message in &self.agent.messages {
            for variable in &message.variables {
                let name = self.variable(variable);
                if name.len() > MAX_VARIABLE {
                    let text = format!(
                        "HAProxy drops `{name}`, since the name has {} characters and may have \
                         {MAX_VARIABLE}: write a shorter `--prefix`",
                        name.len()
                    );
                    self.warn(message, text);
                }
            }
        }
    }

    /// Whether the site's own rules send a group.
    fn sends(&self, group: &str) -> bool {
        let mut rules = self.rules();
        rules.any(|words| {
            let mut places = words.windows(3);
            places.any(|words| words == ["send-spoe-group", self.engine.as_str(), group])
        })
    }

    /// The lines of the site's own rules, as words, without comments.
    pub(super) fn rules(&self) -> impl Iterator<Item = Vec<&'a str>> + use<'a> {
        let rules = self.options.rules.as_deref().unwrap_or_default();
        rules.lines().map(|line| {
            let words = line.split_whitespace();
            words.take_while(|word| !word.starts_with('#')).collect()
        })
    }

    fn verdicts_exist(&self) -> Result<(), Refusal> {
        let variables = self.agent.messages.iter().flat_map(|it| &it.variables);
        let mut known: Vec<String> = Vec::new();
        for variable in variables {
            let name = format!("{}.{}", variable.scope, variable.name);
            if !known.contains(&name) {
                known.push(name);
            }
        }
        let unknown = self.options.verdicts.iter().find(|it| !known.contains(it));
        match unknown {
            Some(given) => Err(Refusal::Verdict {
                given: given.clone(),
                known,
            }),
            None => Ok(()),
        }
    }
}

/// Returns the earliest event at which all of these samples are there, on HAProxy of a series and later.
///
/// HAProxy's table does not know fetches in Lua and the like: they are about requests more often than not.
pub(super) fn earliest<'s>(samples: impl Iterator<Item = &'s str>, series: Series) -> Event {
    let events = samples.map(|sample| {
        let expression = Expression::parse_word(sample).ok();
        let earliest = expression.and_then(|expression| expression.earliest(series));
        earliest.unwrap_or(Event::FrontendHttpRequest)
    });
    events.max().unwrap_or(Event::ClientSession)
}

/// What an argument is called in a warning.
pub(super) fn shown(argument: &Argument) -> String {
    match (&argument.name, argument.index) {
        (_, Some(index)) => format!("at place {index}"),
        (name, None) => name.clone().unwrap_or_default(),
    }
}

/// What says where an argument comes from.
pub(super) fn attribute(argument: &Argument) -> String {
    match argument.index {
        Some(index) => format!("#[arg(index = {index}, sample = \"…\")]"),
        None => "#[arg(sample = \"…\")]".to_owned(),
    }
}

/// A sample as one word of a line: blanks outside of quotes would end it, and `#` would end the line.
fn one_word(sample: &str) -> String {
    let (mut word, mut quote, mut escaped) = (String::new(), None, false);
    for c in sample.trim().chars() {
        match (quote, c) {
            _ if escaped => {}
            (None, ' ' | '#') => word.push('\\'),
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
        escaped = c == '\\' && !escaped && quote != Some('\'');
        word.push(c);
    }
    word
}

/// A sample that HAProxy takes anywhere and that has the type.
fn placeholder(expected: Expected) -> &'static str {
    match expected {
        Expected::Bool => "bool(false)",
        Expected::Integer => "int(0)",
        Expected::Address | Expected::Ipv4 => "ipv4(0.0.0.0)",
        Expected::Ipv6 => "ipv6(::)",
        _ => "str()",
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

/// Longer than any handler may take, so that the agent itself says that one was late and the others
/// of its NOTIFY have their answers.
fn processing(agent: &Agent) -> Duration {
    let deadlines = agent.messages.iter().filter_map(|it| it.deadline);
    let longest = deadlines.max().unwrap_or_default();
    let margin = (longest / 2).max(Duration::from_millis(100));
    PROCESSING.max(longest + margin)
}

/// The name with `_` for all that does not fit.
fn corrected(name: &str, fits: impl Fn(char) -> bool) -> String {
    let corrected = name.chars().map(|c| if fits(c) { c } else { '_' });
    let corrected: String = corrected.collect();
    if corrected.is_empty() {
        "agent".to_owned()
    } else {
        corrected
    }
}

/// Returns a time as `config` writes it: rounded up to whole milliseconds.
pub(super) fn time(time: Duration) -> String {
    let millis = time.as_micros().div_ceil(1000);
    show_time(Duration::from_millis(
        u64::try_from(millis).unwrap_or(u64::MAX),
    ))
}

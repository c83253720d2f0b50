//! The steps of a request: the order in which HAProxy does what the rules, the events and the filters
//! of a configuration say.
//!
//! The order is what HAProxy 2.6 to 3.4 do, as `tests/tests/order.rs` shows: an event comes before the
//! rules of its kind, whichever place the `filter` has among them; those of `defaults` come first; the
//! response has the rules of the backend before those of the frontend. A `listen` has the events of
//! frontends and of backends one after the other, before its rules. It must not know what is right or
//! wrong with any of it.

mod condition;
mod effect;

pub(super) use condition::{Condition, Term, Test};
pub(super) use effect::{Change, End, Header, How, Mention, action, action_name, header, mentions};

use super::engine::{Engine, Rule, event};
use super::grammar::keyword;
use crate::Agent;
use crate::read::{Configuration, Line, Section, Span};
use std::collections::{BTreeMap, BTreeSet};

/// What kind of step it is, in the order of a frontend with a backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// `tcp-request connection`.
    Connection,
    /// `tcp-request session`.
    Session,
    /// The event `on-client-session`.
    ClientSession,
    /// The event `on-frontend-tcp-request`.
    FrontendTcpEvent,
    /// `tcp-request content` of the frontend.
    FrontendContent,
    /// `option http-buffer-request` waits.
    Buffer,
    /// The event `on-frontend-http-request`.
    FrontendHttpEvent,
    /// `http-request` of the frontend, and `redirect` after it.
    FrontendRules,
    /// `use_backend`.
    Switching,
    /// The event `on-backend-tcp-request`.
    BackendTcpEvent,
    /// `tcp-request content` of the backend.
    BackendContent,
    /// The event `on-backend-http-request`.
    BackendHttpEvent,
    /// `http-request` of the backend, and `redirect` after it.
    BackendRules,
    /// `option forwardfor` and others, `use-server`, and what a server is chosen and asked by.
    Server,
    /// The event `on-server-session`.
    ServerSession,
    /// The event `on-tcp-response`.
    TcpResponseEvent,
    /// `tcp-response content` of the backend.
    ResponseContent,
    /// The event `on-http-response`.
    HttpResponseEvent,
    /// `http-response` of the backend, then of the frontend.
    ResponseRules,
    /// `http-after-response` of the backend, then of the frontend. They come for denials as well.
    AfterResponse,
    /// `log-format` and what else is for the log.
    Log,
}

impl Phase {
    /// Whether only requests and responses of HTTP have it.
    pub(super) fn of_http(self) -> bool {
        use Phase::{
            AfterResponse, BackendHttpEvent, BackendRules, Buffer, FrontendHttpEvent,
            FrontendRules, HttpResponseEvent, ResponseRules,
        };
        matches!(
            self,
            Buffer
                | FrontendHttpEvent
                | FrontendRules
                | BackendHttpEvent
                | BackendRules
                | HttpResponseEvent
                | ResponseRules
                | AfterResponse
        )
    }

    /// Whether it is part of the response.
    pub(super) fn of_response(self) -> bool {
        self >= Phase::TcpResponseEvent
    }
}

/// One way of a request: through a frontend, and the backend that it leads to.
#[derive(Clone, Debug)]
pub(super) struct Path<'a> {
    /// The frontend or `listen`, as the configuration counts its sections. Not known for a backend
    /// that is named by no rule literally.
    pub(super) frontend: Option<usize>,
    /// The backend, or the `listen` itself. Not known where only a name of run time leads on.
    pub(super) backend: Option<usize>,
    /// The steps, in order.
    pub(super) steps: Vec<Step<'a>>,
}

/// One step.
#[derive(Clone, Debug)]
pub(super) struct Step<'a> {
    /// Its place in the order. The messages of one NOTIFY have the same.
    pub(super) at: usize,
    pub(super) phase: Phase,
    /// The proxy it is a step of. The line may be one of the `defaults` that the proxy takes.
    pub(super) proxy: usize,
    /// The rule, or the line with the event.
    pub(super) line: &'a Line,
    /// The message that is sent, by an event or a group.
    pub(super) message: Option<Sent<'a>>,
    /// What the rule, or the event, says after `if` or `unless`.
    pub(super) condition: Option<Condition<'a>>,
    /// The variables that are named in it, in the ACLs of its condition and in the arguments of the
    /// message. All that it reads is read before anything is set.
    pub(super) mentions: Vec<Mention<'a>>,
    /// The variables that the agent's answer sets, as far as they are known.
    pub(super) answers: Vec<String>,
    /// The header it changes.
    pub(super) header: Option<Header<'a>>,
    /// What it ends, if it is applied.
    pub(super) end: End,
}

/// A message that is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sent<'a> {
    /// The engine, as the case counts them.
    pub(super) engine: usize,
    /// The section `spoe-message`.
    pub(super) section: &'a Section,
    /// Whether a rule sends it, with its group.
    pub(super) by_rule: bool,
}

impl<'a> Step<'a> {
    /// Whether it is applied to all that come to it.
    pub(super) fn always(&self) -> bool {
        self.condition.is_none() && self.line.certain
    }

    /// The variables it reads, and where.
    pub(super) fn reads(&self) -> impl Iterator<Item = &Mention<'a>> {
        let mentions = self.mentions.iter();
        mentions.filter(|mention| matches!(mention.how, How::Read | How::Other))
    }

    /// Whether it sets a variable, by a rule or by the agent's answer.
    pub(super) fn sets(&self, variable: &str) -> bool {
        self.sets_by_rule(variable) || self.answers.iter().any(|name| name == variable)
    }

    /// Whether it sets a variable by a rule.
    pub(super) fn sets_by_rule(&self, variable: &str) -> bool {
        let mut mentions = self.mentions.iter();
        mentions.any(|mention| mention.how == How::Set && mention.variable == variable)
    }

    /// Whether it waits for the body of the request, or of the response.
    pub(super) fn waits_for_body(&self) -> bool {
        self.phase == Phase::Buffer || action_name(self.line) == "wait-for-body"
    }
}

impl<'a> Path<'a> {
    /// The steps before a place in the order.
    pub(super) fn before(&self, at: usize) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().take_while(move |step| step.at < at)
    }

    /// The steps after a place in the order.
    pub(super) fn after(&self, at: usize) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().skip_while(move |step| step.at <= at)
    }

    /// The steps that set a variable.
    pub(super) fn setters(&self, variable: &str) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().filter(move |step| step.sets(variable))
    }

    /// The steps before a place that wait for the body of the request, or of the response.
    pub(super) fn waits(&self, at: usize, response: bool) -> impl Iterator<Item = &Step<'a>> {
        self.before(at)
            .filter(move |step| step.phase.of_response() == response && step.waits_for_body())
    }
}

/// All ways of requests that the names in a configuration tell.
pub(super) fn paths<'a>(
    configuration: &'a Configuration,
    agent: &'a Agent,
    engines: &[Engine<'a>],
    rules: &'a [Rule<'a>],
) -> Vec<Path<'a>> {
    let mut ways = Vec::new();
    for (index, section) in configuration.sections.iter().enumerate() {
        if !matches!(section.kind(), "frontend" | "listen") {
            continue;
        }
        let mut backends = backends(configuration, index);
        // One that does nothing but to name servers stands for all that do so.
        let mut another = false;
        backends.retain(|backend| {
            !backend.is_some_and(|at| at != index && is_plain(configuration, at))
                || !std::mem::replace(&mut another, true)
        });
        ways.extend(backends.into_iter().map(|backend| (Some(index), backend)));
    }
    for (index, section) in configuration.sections.iter().enumerate() {
        if section.kind() == "backend"
            && !is_plain(configuration, index)
            && ways.iter().all(|(_, backend)| *backend != Some(index))
        {
            ways.push((None, Some(index)));
        }
    }
    let mut choices: BTreeMap<usize, Vec<(Span, Option<usize>)>> = BTreeMap::new();
    ways.into_iter()
        .map(|(frontend, backend)| {
            let choices = frontend.map(|at| {
                &*choices
                    .entry(at)
                    .or_insert_with(|| plain_choices(configuration, at))
            });
            let elsewhere = choices
                .into_iter()
                .flatten()
                .filter(|(_, leads)| *leads != backend)
                .map(|(span, _)| *span)
                .collect();
            let mut building = Building {
                configuration,
                agent,
                engines,
                rules,
                frontend,
                backend,
                elsewhere,
                at: 0,
                steps: Vec::new(),
            };
            building.build();
            Path {
                frontend,
                backend,
                steps: building.steps,
            }
        })
        .collect()
}

/// The backends that a frontend leads to; `None` for one that is not known.
pub(super) fn backends(configuration: &Configuration, frontend: usize) -> Vec<Option<usize>> {
    let mut found = Vec::new();
    let mut default = false;
    for line in configuration.lines(frontend) {
        let keyword = line.word(0);
        if !matches!(keyword, "use_backend" | "default_backend") {
            continue;
        }
        // The first default is that of the section itself, before that of its `defaults`.
        if keyword == "default_backend" && std::mem::replace(&mut default, true) {
            continue;
        }
        let name = line.words.get(1).filter(|word| word.known);
        let literal = name.filter(|name| !name.text.contains('%'));
        let backend = literal.and_then(|name| configuration.backend(&name.text));
        if !found.contains(&backend) {
            found.push(backend);
        }
    }
    let kind = configuration.sections.get(frontend).map(Section::kind);
    if kind == Some("listen") && !default && !found.contains(&Some(frontend)) {
        found.push(Some(frontend));
    } else if found.is_empty() {
        found.push(None);
    }
    found
}

/// The rules of a frontend that choose a backend by its name, and read no variable for it: where they
/// are, and where they lead.
fn plain_choices(configuration: &Configuration, frontend: usize) -> Vec<(Span, Option<usize>)> {
    let mut choices = Vec::new();
    let mut next = Some(frontend);
    while let Some(section) = next.and_then(|at| configuration.sections.get(at)) {
        for line in section.all(&["use_backend"]) {
            let name = line.words.get(1).filter(|word| word.known);
            let Some(name) = name.filter(|name| !name.text.contains('%')) else {
                continue;
            };
            let condition = Condition::of(line, section);
            let reads = condition.is_some_and(|condition| !condition.mentions().is_empty());
            if mentions(line).is_empty() && !reads {
                choices.push((line.span(), configuration.backend(&name.text)));
            }
        }
        next = next.and_then(|at| configuration.defaults(at));
    }
    choices
}

/// Whether a backend has no rules, no filters and no variables, nor its `defaults`.
fn is_plain(configuration: &Configuration, backend: usize) -> bool {
    const RULES: [&str; 8] = [
        "http-request",
        "http-response",
        "http-after-response",
        "tcp-request",
        "tcp-response",
        "filter",
        "redirect",
        "use-server",
    ];
    configuration.lines(backend).all(|line| {
        let option = ["http-buffer-request", "forwardfor"].contains(&line.word(1));
        match line.word(0) {
            "option" => !option,
            keyword => !RULES.contains(&keyword) && mentions(line).is_empty(),
        }
    })
}

struct Building<'a, 'b> {
    configuration: &'a Configuration,
    agent: &'a Agent,
    engines: &'b [Engine<'a>],
    rules: &'a [Rule<'a>],
    frontend: Option<usize>,
    backend: Option<usize>,
    /// The rules that choose other backends, and nothing else.
    elsewhere: BTreeSet<Span>,
    at: usize,
    steps: Vec<Step<'a>>,
}

impl<'a> Building<'a, '_> {
    fn build(&mut self) {
        use Phase::*;
        let (front, back) = (self.frontend, self.backend);
        // A `listen` runs its rules once, after the events of both kinds.
        let same = front.is_some() && front == back;
        let other = back.filter(|_| !same);
        self.rules(front, Connection, &["tcp-request", "connection"]);
        self.rules(front, Session, &["tcp-request", "session"]);
        self.event(ClientSession, "on-client-session");
        self.event(FrontendTcpEvent, "on-frontend-tcp-request");
        if same {
            self.event(BackendTcpEvent, "on-backend-tcp-request");
        }
        self.rules(front, FrontendContent, &["tcp-request", "content"]);
        self.option(front, Buffer, "http-buffer-request");
        self.event(FrontendHttpEvent, "on-frontend-http-request");
        if same {
            self.event(BackendHttpEvent, "on-backend-http-request");
        }
        self.rules(front, FrontendRules, &["http-request"]);
        self.rules(front, FrontendRules, &["redirect"]);
        self.rules(front, Switching, &["use_backend"]);
        if !same {
            self.option(other, Buffer, "http-buffer-request");
            self.event(BackendTcpEvent, "on-backend-tcp-request");
            self.rules(other, BackendContent, &["tcp-request", "content"]);
            self.event(BackendHttpEvent, "on-backend-http-request");
            self.rules(other, BackendRules, &["http-request"]);
            self.rules(other, BackendRules, &["redirect"]);
        }
        self.option(front, Server, "forwardfor");
        self.option(other, Server, "forwardfor");
        for keyword in [
            "use-server",
            "balance",
            "stick",
            "server",
            "server-template",
            "source",
        ] {
            self.rules(back, Server, &[keyword]);
        }
        self.event(ServerSession, "on-server-session");
        self.event(TcpResponseEvent, "on-tcp-response");
        self.rules(back, ResponseContent, &["tcp-response", "content"]);
        self.event(HttpResponseEvent, "on-http-response");
        self.rules(back, ResponseRules, &["http-response"]);
        if !same {
            self.rules(front, ResponseRules, &["http-response"]);
        }
        self.rules(back, AfterResponse, &["http-after-response"]);
        if !same {
            self.rules(front, AfterResponse, &["http-after-response"]);
        }
        for keyword in ["log-format", "error-log-format", "log-format-sd"] {
            self.rules(front, Log, &[keyword]);
        }
    }

    /// The lines of a proxy that begin with these words: those of its `defaults` come first.
    fn lines(&self, proxy: Option<usize>, words: &[&str]) -> Vec<(&'a Section, &'a Line)> {
        let mut sections = Vec::new();
        let mut next = proxy;
        while let Some(at) = next {
            sections.extend(self.configuration.sections.get(at));
            next = self.configuration.defaults(at);
        }
        let sections = sections.into_iter().rev();
        sections
            .flat_map(|section| section.lines.iter().map(move |line| (section, line)))
            .filter(|(_, line)| line.begins(words))
            .collect()
    }

    /// The rules of a proxy.
    fn rules(&mut self, proxy: Option<usize>, phase: Phase, words: &[&str]) {
        for (section, line) in self.lines(proxy, words) {
            if phase == Phase::Switching && self.elsewhere.contains(&line.span()) {
                continue;
            }
            self.at += 1;
            let condition = Condition::of(line, section);
            let rule = self.rules.iter().find(|rule| std::ptr::eq(rule.line, line));
            let sent = rule.map_or(Vec::new(), |rule| self.sent_by(rule, proxy));
            let step = self.step(phase, proxy, line, condition);
            if sent.is_empty() {
                self.steps.push(step);
                continue;
            }
            for sent in sent {
                let step = self.sends(step.clone(), sent);
                self.steps.push(step);
            }
        }
    }

    /// An option that does something by itself, if it holds.
    fn option(&mut self, proxy: Option<usize>, phase: Phase, option: &str) {
        let mut lines = self.lines(proxy, &["option", option]);
        let Some((_, line)) = lines.pop() else {
            return;
        };
        // `no option` of the proxy takes back what the defaults say.
        let off = self.lines(proxy, &["no", "option", option]);
        let later = |other: &Line| other.span() > line.span();
        if off.last().is_some_and(|(_, other)| later(other)) {
            return;
        }
        self.at += 1;
        let mut step = self.step(phase, proxy, line, None);
        if option == "forwardfor" {
            step.header = line.words.get(1).map(|word| Header {
                word,
                name: "x-forwarded-for",
                response: false,
                change: Change::Add,
            });
        }
        self.steps.push(step);
    }

    fn step(
        &self,
        phase: Phase,
        proxy: Option<usize>,
        line: &'a Line,
        condition: Option<Condition<'a>>,
    ) -> Step<'a> {
        let mut mentions = mentions(line);
        mentions.extend(condition.iter().flat_map(Condition::mentions));
        Step {
            at: self.at,
            phase,
            proxy: proxy.unwrap_or_default(),
            line,
            message: None,
            condition,
            mentions,
            answers: Vec::new(),
            header: header(line),
            end: effect::end(line),
        }
    }

    /// The messages that a rule sends.
    fn sent_by(&self, rule: &Rule<'a>, proxy: Option<usize>) -> Vec<Sent<'a>> {
        let mut engines = self.engines.iter().enumerate();
        let engine = engines.find(|(_, engine)| {
            Some(engine.filter.proxy) == proxy && engine.name() == rule.engine.text
        });
        let Some((index, engine)) = engine else {
            return Vec::new();
        };
        let messages = engine.messages_of(&rule.group.text);
        messages
            .map(|section| Sent {
                engine: index,
                section,
                by_rule: true,
            })
            .collect()
    }

    /// The NOTIFYs of an event: one for each engine that listens to it.
    fn event(&mut self, phase: Phase, name: &str) {
        let of_frontends = phase < Phase::Switching
            && !matches!(phase, Phase::BackendTcpEvent | Phase::BackendHttpEvent);
        let mut proxies = vec![self.frontend];
        if self.frontend != self.backend && !of_frontends {
            proxies.push(self.backend);
        }
        for proxy in proxies.into_iter().flatten() {
            for (index, engine) in self.engines.iter().enumerate() {
                if engine.filter.proxy != proxy {
                    continue;
                }
                self.at += 1;
                for section in engine.messages() {
                    let title = section.title();
                    let listed = engine.listed("messages").any(|word| word.text == title);
                    let at = event(section).filter(|event| listed && event.text == name);
                    let line = section
                        .lines
                        .iter()
                        .rfind(|line| keyword("spoe-message", line) == "event");
                    let Some((_, line)) = at.zip(line) else {
                        continue;
                    };
                    let condition = Condition::of(line, section);
                    let step = self.step(phase, Some(proxy), line, condition);
                    let sent = Sent {
                        engine: index,
                        section,
                        by_rule: false,
                    };
                    let step = self.sends(step, sent);
                    self.steps.push(step);
                }
            }
        }
    }

    /// The step that sends a message.
    fn sends(&self, mut step: Step<'a>, sent: Sent<'a>) -> Step<'a> {
        let lines = sent.section.lines.iter();
        let args = lines.filter(|line| keyword("spoe-message", line) == "args");
        step.mentions.extend(args.flat_map(mentions));
        if let Some(engine) = self.engines.get(sent.engine) {
            let own = engine.own().map(|word| engine.variable("txn", &word.text));
            let mut handlers = self.agent.messages.iter().filter(|_| engine.ours);
            let handler = handlers.find(|it| it.name == sent.section.title());
            let variables = handler.map_or(&[][..], |it| it.variables.as_slice());
            let variables = variables
                .iter()
                .map(|it| engine.variable(&it.scope, &it.name));
            step.answers = variables.chain(own).collect();
        }
        step.message = Some(sent);
        step
    }
}

#[cfg(test)]
mod tests;

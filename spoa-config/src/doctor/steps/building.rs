//! One way of a request as steps, in the order of HAProxy.

use super::super::engine::{Engine, GroupRule, event};
use super::super::grammar::keyword;
use super::super::rule::{Change, Condition, Header, end, header, mentions};
use super::{Phase, SentMessage, Step};
use crate::Agent;
use crate::read::{Configuration, Line, Section, Span};
use std::collections::BTreeSet;

/// The parts that the steps of one way are made of, and the steps so far.
pub(super) struct Building<'a, 'b> {
    pub(super) configuration: &'a Configuration,
    pub(super) agent: &'a Agent,
    pub(super) engines: &'b [Engine<'a>],
    pub(super) rules: &'a [GroupRule<'a>],
    pub(super) frontend: Option<usize>,
    pub(super) backend: Option<usize>,
    /// The rules that choose other backends, and nothing else.
    pub(super) elsewhere: BTreeSet<Span>,
    pub(super) at: usize,
    pub(super) steps: Vec<Step<'a>>,
}

impl<'a> Building<'a, '_> {
    /// Adds all steps, in order.
    pub(super) fn build(&mut self) {
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

    /// Returns the lines of a proxy that begin with these words: those of its `defaults` come first.
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
        // `no option` of the proxy cancels the option of its defaults.
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
            end: end(line),
        }
    }

    /// Returns the messages that a rule sends.
    fn sent_by(&self, rule: &GroupRule<'a>, proxy: Option<usize>) -> Vec<SentMessage<'a>> {
        let mut engines = self.engines.iter().enumerate();
        let engine = engines.find(|(_, engine)| {
            Some(engine.filter.proxy) == proxy && engine.name() == rule.engine.text
        });
        let Some((index, engine)) = engine else {
            return Vec::new();
        };
        let messages = engine.messages_of(&rule.group.text);
        messages
            .map(|section| SentMessage {
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
                    let sent = SentMessage {
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

    /// Returns the step that sends a message.
    fn sends(&self, mut step: Step<'a>, sent: SentMessage<'a>) -> Step<'a> {
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

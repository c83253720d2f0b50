//! The steps of a request: the order in which HAProxy does what the rules, the events and the filters
//! of a configuration say.
//!
//! The order is what HAProxy 2.6 to 3.4 do, as `tests/tests/evaluation_order.rs` shows: an event comes before the
//! rules of its kind, whichever place the `filter` has among them; those of `defaults` come first; the
//! response has the rules of the backend before those of the frontend. A `listen` has the events of
//! frontends and of backends one after the other, before its rules.

mod building;
mod ways;

pub(super) use ways::{backends, paths};

use super::rule::{Condition, End, Header, How, Mention, action_name};
use crate::read::{Line, Section};

/// The kind of a step, in the order of a frontend with a backend.
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
    /// Returns whether only requests and responses of HTTP have it.
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

    /// Returns whether it is part of the response.
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
    pub(super) message: Option<SentMessage<'a>>,
    /// The condition of the rule or the event.
    pub(super) condition: Option<Condition<'a>>,
    /// The variables that are named in it, in the ACLs of its condition and in the arguments of the
    /// message. All that it reads is read before anything is set.
    pub(super) mentions: Vec<Mention<'a>>,
    /// The variables that the agent's answer sets, as far as they are known.
    pub(super) answers: Vec<String>,
    /// The header it changes.
    pub(super) header: Option<Header<'a>>,
    /// Whether it ends the rules, if it is applied.
    pub(super) end: End,
}

/// A message that is sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct SentMessage<'a> {
    /// The engine, as the case counts them.
    pub(super) engine: usize,
    /// The section `spoe-message`.
    pub(super) section: &'a Section,
    /// Whether a rule sends it, with its group.
    pub(super) by_rule: bool,
}

impl<'a> Step<'a> {
    /// Returns the name of the message that it sends; empty for another step.
    pub(super) fn message_name(&self) -> &'a str {
        self.message.map_or("", |sent| sent.section.title())
    }

    /// Returns whether it is applied to all that come to it.
    pub(super) fn always(&self) -> bool {
        self.condition.is_none() && self.line.certain
    }

    /// Returns the variables it reads, and where.
    pub(super) fn reads(&self) -> impl Iterator<Item = &Mention<'a>> {
        let mentions = self.mentions.iter();
        mentions.filter(|mention| matches!(mention.how, How::Read | How::Other))
    }

    /// Returns whether it sets a variable, by a rule or by the agent's answer.
    pub(super) fn sets(&self, variable: &str) -> bool {
        self.sets_by_rule(variable) || self.answers.iter().any(|name| name == variable)
    }

    /// Returns whether it sets a variable by a rule.
    pub(super) fn sets_by_rule(&self, variable: &str) -> bool {
        let mut mentions = self.mentions.iter();
        mentions.any(|mention| mention.how == How::Set && mention.variable == variable)
    }

    /// Returns whether it waits for the body of the request, or of the response.
    pub(super) fn waits_for_body(&self) -> bool {
        self.phase == Phase::Buffer || action_name(self.line) == "wait-for-body"
    }
}

impl<'a> Path<'a> {
    /// Returns the steps before a place in the order.
    pub(super) fn before(&self, at: usize) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().take_while(move |step| step.at < at)
    }

    /// Returns the steps after a place in the order.
    pub(super) fn after(&self, at: usize) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().skip_while(move |step| step.at <= at)
    }

    /// Returns the steps that set a variable.
    pub(super) fn setters(&self, variable: &str) -> impl Iterator<Item = &Step<'a>> {
        self.steps.iter().filter(move |step| step.sets(variable))
    }

    /// Returns the steps before a place that wait for the body of the request, or of the response.
    pub(super) fn waits(&self, at: usize, response: bool) -> impl Iterator<Item = &Step<'a>> {
        self.before(at)
            .filter(move |step| step.phase.of_response() == response && step.waits_for_body())
    }
}

#[cfg(test)]
mod tests;

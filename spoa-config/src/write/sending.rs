//! The rules that wait for bodies and send groups, and the rules that record why there was no answer.

use super::condition::{self, TestAndOpposite};
use super::durations::{REQUEST_BODY, RESPONSE_BODY};
use super::options::Fail;
use super::plan::{ERROR, Group, Plan};
use super::text::Text;
use spoa_facts::Event;
use std::borrow::Cow;

/// A test of whether the body of a response has an end that HAProxy knows. Without a length, the body may be a
/// stream of events, or a response that the server holds back until there is news.
const ENDS: TestAndOpposite<'static> = TestAndOpposite {
    holds: "{ res.fhdr(content-length) -m found }",
    fails: "!{ res.fhdr(content-length) -m found }",
};

/// Writes the rules that send groups, each after the rule that waits for its body.
///
/// The site's own `tcp-request` rules follow those that send, since they may read the answers.
pub(super) fn groups(plan: &Plan<'_>, own_early: &str, text: &mut Text) {
    let waits = other_waits(plan);
    let groups = || plan.groups.iter().filter(|group| !group.by_rules);
    let own = |text: &mut Text| {
        if !own_early.is_empty() {
            text.blank();
            text.verbatim(own_early);
        }
    };
    if waits.is_empty() && groups().next().is_none() {
        own(text);
        return;
    }
    text.blank();
    if groups().next().is_some() {
        let mut messages = plan.messages.iter();
        let before = if messages.any(|planned| planned.event.is_some()) {
            " The messages with an event have been answered by then."
        } else {
            ""
        };
        text.comment(&format!(
            "The messages of a group are sent here while an agent is up, and the request waits for the \
             answers.{before}"
        ));
    }
    if groups().any(|group| group.earliest == Event::FrontendTcpRequest)
        && !plan.has(&["tcp-request", "inspect-delay"])
    {
        text.comment("How long the client's first bytes may take.");
        text.line("tcp-request inspect-delay 5s");
    }
    // HAProxy wants all `tcp-request` rules before the others.
    let mut said = Said::default();
    let (first, then): (Vec<_>, Vec<_>) =
        groups().partition(|group| group.earliest == Event::FrontendTcpRequest);
    for group in first {
        send(plan, group, &mut said, text);
    }
    own(text);
    for wait in waits {
        said.wait_for_request(plan, wait, text);
    }
    if let Some(cache) = &plan.cache {
        cache.take(text);
    }
    for group in then {
        send(plan, group, &mut said, text);
    }
    if let Some(cache) = &plan.cache {
        cache.keep(text);
    }
}

/// Returns the conditions of bodies that no written rule sends: those of messages at an event of backends,
/// and those of groups that the site's own rules send.
fn other_waits<'p>(plan: &'p Plan<'_>) -> Vec<Option<&'p str>> {
    if plan.buffers_bodies() || plan.has(&["http-request", "wait-for-body"]) {
        return Vec::new();
    }
    let bodies = plan.messages.iter().filter(|it| it.has_request_body());
    let waits = bodies.filter_map(|planned| {
        let by_rules = plan.group(planned).is_some_and(|group| group.by_rules);
        let in_backend = planned.event == Some("on-backend-http-request");
        (by_rules || in_backend).then_some(planned.message.condition.as_deref())
    });
    waits.collect()
}

fn send(plan: &Plan<'_>, group: &Group<'_>, said: &mut Said, text: &mut Text) {
    let rule = match group.earliest {
        Event::FrontendTcpRequest => "tcp-request content",
        Event::HttpResponse => "http-response",
        _ => "http-request",
    };
    let late = group.earliest == Event::HttpResponse;
    let condition = asked(plan, group);
    let condition = condition.as_deref();
    if group.request_body && !late && !plan.buffers_bodies() {
        said.wait_for_request(plan, condition, text);
    }
    if group.response_body {
        said.wait_for_response(plan, group.condition, text);
    }
    text.line(&format!(
        "{rule} send-spoe-group {} {} {}",
        plan.engine,
        group.name,
        plan.while_up(condition)
    ));
}

/// Returns the condition of a group, without requests whose answer is kept.
fn asked<'p>(plan: &Plan<'p>, group: &Group<'p>) -> Option<Cow<'p, str>> {
    let fresh = plan.cache.as_ref().and_then(|it| it.fresh(&group.name));
    match fresh {
        Some(fresh) => {
            let test = TestAndOpposite {
                holds: &format!("!{fresh}"),
                fails: &fresh,
            };
            Some(Cow::Owned(condition::with(test, group.condition)))
        }
        None => group.condition.map(Cow::Borrowed),
    }
}

/// The waits that are written, and whether their comments are.
#[derive(Default)]
struct Said {
    waits: Vec<String>,
    request: bool,
    response: bool,
}

impl Said {
    fn wait_for_request(&mut self, plan: &Plan<'_>, condition: Option<&str>, text: &mut Text) {
        let condition = plan.while_up(condition);
        let wait = format!("http-request wait-for-body time {REQUEST_BODY} {condition}");
        if !std::mem::replace(&mut self.request, true) {
            text.comment(&format!(
                "Waits for the body, so that the agent sees it: all of it, or as much as the buffer holds \
                 (`tune.bufsize`, {} bytes together with the headers). A request without a body does not \
                 wait. A client that takes longer gets 408.",
                plan.options.buffers.size
            ));
        }
        self.wait(wait, text);
    }

    fn wait_for_response(&mut self, plan: &Plan<'_>, condition: Option<&str>, text: &mut Text) {
        let condition = condition::with(ENDS, Some(&plan.while_up(condition)));
        let wait = format!("http-response wait-for-body time {RESPONSE_BODY} {condition}");
        if !std::mem::replace(&mut self.response, true) {
            text.comment(
                "Waits for the body of a response with a length: all of it, or as much as the buffer holds. \
                 `timeout server` limits the wait. Without a length, a response may never end, so nothing \
                 waits, and the agent gets what came with the headers. A rule `http-response wait-for-body` in a \
                 backend, which comes before this one, can wait for some of them, too.",
            );
        }
        self.wait(wait, text);
    }

    fn wait(&mut self, wait: String, text: &mut Text) {
        if !self.waits.contains(&wait) {
            text.line(&wait);
            self.waits.push(wait);
        }
    }
}

/// Writes the rule that says that no agent is up, since then nothing is sent and no answer missed.
pub(super) fn down(plan: &Plan<'_>, text: &mut Text) {
    let error = format!("txn.{}.{ERROR}", plan.prefix);
    let set = format!("http-request set-var({error})");
    if plan.has(&["http-request", &format!("set-var({error})")]) {
        return;
    }
    let [_, down] = plan.up();
    text.comment("While no agent is up, HAProxy sends no message, and this variable says so.");
    text.line(&format!(
        "{set} str(down) if {down} !{{ var({error}) -m found }}"
    ));
}

/// Writes the rule that shows in the log line why there was no answer.
///
/// Rules that have it themselves decide its place in the log line, unless the rules written before them
/// end the request.
pub(super) fn capture(plan: &Plan<'_>, text: &mut Text) {
    let reason = format!("var(txn.{}.{ERROR})", plan.prefix);
    let itself = |line: &str| line.contains(" capture ") && line.contains(&reason);
    let rules = plan.options.rules.as_deref().unwrap_or_default();
    if plan.options.fail == Fail::Open && rules.lines().any(itself) {
        return;
    }
    // Before all that ends a request: a rule that denies is the last one that is run.
    text.comment(
        "In the log line, between { and }: why there was no answer, or `down` if no agent is up.",
    );
    text.line(&format!("http-request capture {reason} len 5"));
    text.blank();
}

//! The frontend: the filter, the rules that send groups, those that use the variables; and a whole
//! `haproxy.cfg` around it.
//!
//! It must not decide anything about messages: the plan has.

use super::condition::{self, Test};
use super::ladder;
use super::plan::{ERROR, Group, Guard, Plan, Planned};
use super::text::Text;
use super::{Fail, Watch};
use crate::{UNREAD, Variable};
use spoa_facts::Event;

/// The lines that belong in a frontend.
pub(super) fn lines(plan: &Plan<'_>) -> String {
    let mut text = Text::default();
    let Plan { engine, .. } = plan;
    let mut samples = plan
        .agent
        .messages
        .iter()
        .flat_map(|message| &message.arguments);
    let body = samples.any(|argument| {
        let sample = argument.sample.as_ref().or(argument.guess.as_ref());
        sample.is_some_and(|sample| sample.starts_with("req.body"))
    });
    if body && !has(plan, &["option", "http-buffer-request"]) {
        text.comment(
            "Waits for the body before anything else happens, so that the agent sees it: all of it, \
             or as much as the buffer holds (`tune.bufsize`, 16384 bytes together with the headers).",
        );
        text.line("option http-buffer-request");
        text.blank();
    }
    if !has(plan, &["filter", "spoe", "engine", engine]) {
        text.comment(&format!(
            "Asks the agent as spoe.conf says, in its section [{engine}]. HAProxy looks for the file in \
             the directory it was started in: write a full path in production."
        ));
        text.line(&format!(
            "filter spoe engine {engine} config {}",
            plan.options.spoe_file
        ));
    }
    groups(plan, &mut text);
    text.blank();
    down(plan, &mut text);
    if captures(plan) {
        // Before all that ends a request: a rule that denies is the last one that is run.
        text.comment(
            "In the log line, between { and }: why there was no answer, or `down` if no agent is up.",
        );
        text.line(&capture(plan));
        text.blank();
    }
    match plan.options.fail {
        Fail::Closed => closed(plan, &mut text),
        Fail::Open => open(plan, &mut text),
    }
    ladder::lines(plan, &mut text);
    text.blank();
    match &plan.options.rules {
        Some(rules) => text.verbatim(rules),
        None => variables(plan, &mut text),
    }
    text.into_string()
}

/// A whole `haproxy.cfg`.
pub(super) fn file(plan: &Plan<'_>, frontend: &str, backend: &str) -> String {
    let mut text = Text::default();
    text.heading(&format!(
        "HAProxy's half of `{}`: run it here with `haproxy -f haproxy.cfg`.",
        plan.agent.name
    ));
    text.section("global");
    text.comment("To the terminal, for looking at it; in production as your other logs.");
    text.line("log stdout format raw local0");
    text.section("defaults");
    text.line("mode http");
    text.line("log global");
    if plan.options.watch.is_some() {
        let error = format!("txn.{}.{ERROR}", plan.prefix);
        let format = Watch::LOG_FORMAT.replace("ERROR", &error);
        text.line("unique-id-format %rt");
        text.line("option dontlognull");
        text.line(&format!("log-format \"{format}\""));
    } else {
        text.line("option httplog");
    }
    text.line("timeout connect 5s");
    text.line("timeout client 30s");
    text.line("timeout server 30s");
    text.comment(
        "How long a client may take for its headers and, with `http-buffer-request`, for its body.",
    );
    text.line("timeout http-request 10s");

    let says = |keyword: &str| {
        let rules = plan.options.rules.as_deref().unwrap_or_default();
        rules
            .lines()
            .any(|line| line.split_whitespace().next() == Some(keyword))
    };
    text.section("frontend www");
    if !says("bind") {
        for bind in &plan.options.bind {
            text.line(&format!("bind {bind}"));
        }
        text.blank();
    }
    text.verbatim(frontend);
    if !says("default_backend") {
        text.blank();
        text.line("default_backend servers");
        text.blank();
        match &plan.options.watch {
            Some(watch) => {
                text.touching("backend servers");
                text.line(&format!("server site {}", watch.site));
            }
            None => {
                text.heading("Your servers; here HAProxy itself answers.");
                text.touching("backend servers");
                text.line(
                    "http-request return status 200 content-type text/plain string \"hello\\n\"",
                );
            }
        }
    }
    text.blank();
    text.verbatim(backend);
    text.into_string()
}

/// Whether the site's own rules have a line that begins so.
fn has(plan: &Plan<'_>, words: &[&str]) -> bool {
    plan.rules().any(|line| line.starts_with(words))
}

fn groups(plan: &Plan<'_>, text: &mut Text) {
    let groups = || plan.groups.iter().filter(|group| !group.by_rules);
    if groups().next().is_none() {
        return;
    }
    text.blank();
    text.comment(
        "The messages with an event have been answered by the time of these rules. Those of a group \
         are sent here, while there is an agent to answer, and the request waits for the answers.",
    );
    if groups().any(|group| group.earliest == Event::FrontendTcpRequest)
        && !has(plan, &["tcp-request", "inspect-delay"])
    {
        text.comment("How long the client's first bytes may take.");
        text.line("tcp-request inspect-delay 5s");
    }
    for group in groups() {
        let rule = match group.earliest {
            Event::FrontendTcpRequest => "tcp-request content",
            Event::HttpResponse => "http-response",
            _ => "http-request",
        };
        let condition = plan.while_up(group.condition);
        if group.body {
            text.comment(
                "Waits for the body of the response: all of it, or as much as the buffer holds, or for a \
                 second.",
            );
            text.line(&format!("http-response wait-for-body time 1s {condition}"));
        }
        text.line(&format!(
            "{rule} send-spoe-group {} {} {condition}",
            plan.engine, group.name
        ));
    }
}

/// The rule that says that no agent is up, since then nothing is sent and no answer missed.
fn down(plan: &Plan<'_>, text: &mut Text) {
    let error = format!("txn.{}.{ERROR}", plan.prefix);
    let set = format!("http-request set-var({error})");
    if has(plan, &["http-request", &format!("set-var({error})")]) {
        return;
    }
    let [_, down] = plan.up();
    text.comment("While no agent is up, nothing is sent: this says so.");
    text.line(&format!(
        "{set} str(down) if {down} !{{ var({error}) -m found }}"
    ));
}

/// The rule that shows in the log line why there was no answer.
fn capture(plan: &Plan<'_>) -> String {
    format!(
        "http-request capture var(txn.{}.{ERROR}) len 5",
        plan.prefix
    )
}

/// Whether that is to be written. Rules that have it themselves decide where in the log line it stands,
/// unless the ones written before them end the request.
fn captures(plan: &Plan<'_>) -> bool {
    let reason = format!("var(txn.{}.{ERROR})", plan.prefix);
    let itself = |line: &str| line.contains(" capture ") && line.contains(&reason);
    let rules = plan.options.rules.as_deref().unwrap_or_default();
    plan.options.fail == Fail::Closed || !rules.lines().any(itself)
}

/// Whether the answer is there when `http-request` rules are run.
fn in_time(plan: &Plan<'_>, planned: &Planned<'_>) -> bool {
    let before = [
        "on-client-session",
        "on-frontend-tcp-request",
        "on-frontend-http-request",
    ];
    match planned.event {
        Some(event) => before.contains(&event),
        None => group(plan, planned).is_some_and(|group| group.earliest < Event::HttpResponse),
    }
}

/// The group that a message is sent with.
fn group<'p, 'a>(plan: &'p Plan<'a>, planned: &Planned<'_>) -> Option<&'p Group<'a>> {
    let mut groups = plan.groups.iter();
    groups.find(|group| planned.group.as_deref() == Some(&group.name))
}

/// The condition under which a message is sent.
fn condition<'p>(plan: &'p Plan<'_>, planned: &'p Planned<'_>) -> Option<&'p str> {
    match group(plan, planned) {
        Some(group) => group.condition,
        None => planned.message.condition.as_deref(),
    }
}

fn closed(plan: &Plan<'_>, text: &mut Text) {
    let mut rules: Vec<String> = Vec::new();
    let mut missing = Vec::new();
    for planned in &plan.messages {
        let asked = match &planned.guard {
            Guard::Rule(asked) => asked,
            Guard::Missing(why) => {
                missing.push(format!(
                    "Not protected: message `{}`: {why}.",
                    planned.message.name
                ));
                continue;
            }
        };
        if group(plan, planned).is_some_and(|group| group.by_rules) {
            // The site's own rules ask for it.
            continue;
        }
        let found = format!("{{ var({}) -m found }}", asked.variable);
        let test = Test {
            holds: &format!("!{found}"),
            fails: &found,
        };
        let condition = condition::with(test, condition(plan, planned));
        let rule = if asked.late {
            "http-response"
        } else {
            "http-request"
        };
        let rule = format!("{rule} deny deny_status 503 {condition}");
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    if !rules.is_empty() {
        text.comment(&format!(
            "Fail closed: what the agent has not judged is denied. Each success of a handler sets the variable \
             that is asked for, and nothing else does. So it is missing if the handler failed or was late, if \
             HAProxy got no answer (txn.{}.{ERROR} has the reason), and if no agent was up.",
            plan.prefix
        ));
    }
    for rule in rules {
        text.line(&rule);
    }
    for missing in missing {
        text.comment(&missing);
    }
}

fn open(plan: &Plan<'_>, text: &mut Text) {
    if plan.options.rules.is_some() {
        // They say themselves what becomes of a request.
        return;
    }
    let asked = plan
        .messages
        .iter()
        .filter_map(|planned| match &planned.guard {
            Guard::Rule(asked) => Some(asked),
            Guard::Missing(_) => None,
        });
    let asked: Vec<_> = asked.collect();
    if asked.is_empty() {
        return;
    }
    let why = "Fail open: a variable that is not set matches nothing, so a request passes that the agent has \
               not judged.";
    let plain = asked
        .iter()
        .find(|asked| asked.sign.is_none() && !asked.late);
    let Some(plain) = plain else {
        text.comment(&format!(
            "{why} `--fail closed` writes rules that deny it instead."
        ));
        return;
    };
    text.comment(&format!(
        "{why} To deny it instead (`--fail closed` writes this):"
    ));
    text.commented_line(&format!(
        "http-request deny deny_status 503 if !{{ var({}) -m found }}",
        plain.variable
    ));
}

/// Rules that use all the variables there are.
fn variables(plan: &Plan<'_>, text: &mut Text) {
    let mut early: Vec<&Variable> = Vec::new();
    let mut late: Vec<&Variable> = Vec::new();
    for planned in &plan.messages {
        let known = if in_time(plan, planned) {
            &mut early
        } else {
            &mut late
        };
        for variable in &planned.message.variables {
            if !known.contains(&variable) {
                known.push(variable);
            }
        }
    }
    // The scope `res` begins with the answer.
    early.retain(|variable| variable.scope != "res");
    late.retain(|variable| !early.contains(variable));
    let apart = if plan.options.show {
        ladder::hides
    } else {
        ladder::owns
    };
    early.retain(|variable| !apart(plan, variable));
    late.retain(|variable| !apart(plan, variable));
    let mut headers = Headers::default();
    if !early.is_empty() && !plan.options.show {
        text.comment(
            "Your servers see the variables in these headers, which no client may set. Rules of your \
             own ask them in the same way: `-m found`, `-m int lt 50`, `-m bool`, `-m str bot`.",
        );
        text.line("http-request del-header x-spoa- -m beg");
        for variable in &early {
            headers.set("http-request", &plan.variable(variable), text);
        }
    }
    if !late.is_empty() && !plan.options.show {
        text.comment(
            "The agent sets these with the response. Servers have no use for them, and clients must not see \
             them, so no rule reads their values until you write one.",
        );
        for variable in &late {
            text.comment(&format!("{UNREAD} {}", plan.variable(variable)));
        }
    }
    if plan.options.show {
        early.extend(late.iter().copied().filter(|it| it.scope != "req"));
        text.comment("For trying it out only: clients see the variables in these headers.");
        for variable in &early {
            headers.set("http-after-response", &plan.variable(variable), text);
        }
        let error = format!("txn.{}.{ERROR}", plan.prefix);
        headers.set("http-after-response", &error, text);
    }
}

/// The headers that show variables.
#[derive(Default)]
struct Headers(Vec<String>);

impl Headers {
    /// Shows one, under a name that no other has.
    fn set(&mut self, rules: &str, variable: &str, text: &mut Text) {
        // Servers drop headers with a `_` or a `.` in their names.
        let plain = format!("x-spoa-{}", variable.replace(['.', '_'], "-"));
        let mut name = plain.clone();
        let mut number = 1;
        while self.0.iter().any(|taken| taken.eq_ignore_ascii_case(&name)) {
            number += 1;
            name = format!("{plain}-{number}");
        }
        text.line(&format!(
            "{rules} set-header {name} %[var({variable})] if {{ var({variable}) -m found }}"
        ));
        self.0.push(name);
    }
}

//! The frontend: the filter, the rules that send groups, those that use the variables; and a whole
//! `haproxy.cfg` around it.
//!
//! It must not decide anything about messages: the plan has.

use super::condition::{self, Test};
use super::moment::Moment;
use super::plan::{ERROR, Group, Plan, Planned};
use super::text::Text;
use super::{Fail, Warning, Watch, signature};
use crate::{Presence, Variable};

/// The lines that belong in a frontend.
pub(super) fn lines(plan: &mut Plan<'_>) -> String {
    let mut text = Text::default();
    let Plan { engine, .. } = &plan;
    let mut samples = plan
        .agent
        .messages
        .iter()
        .flat_map(|message| &message.arguments);
    let body = samples.any(|argument| {
        let sample = argument.sample.as_ref().or(argument.guess.as_ref());
        sample.is_some_and(|sample| sample.starts_with("req.body"))
    });
    if body {
        text.comment(
            "Waits for the body before anything else happens, so that the agent sees it: all of it, \
             or as much as the buffer holds (`tune.bufsize`, 16384 bytes together with the headers).",
        );
        text.line("option http-buffer-request");
        text.blank();
    }
    text.comment(&format!(
        "Asks the agent as spoe.conf says, in its section [{engine}]. HAProxy looks for the file in \
         the directory it was started in: write a full path in production."
    ));
    text.line(&format!(
        "filter spoe engine {engine} config {}",
        plan.options.spoe_file
    ));
    groups(plan, &mut text);
    text.blank();
    if captures(plan) {
        // Before all that ends a request: a rule that denies is the last one that is run.
        text.comment("In the log line, between { and }: why there was no answer.");
        text.line(&capture(plan));
        text.blank();
    }
    let warning = match plan.options.fail {
        Fail::Closed => closed(plan, &mut text),
        Fail::Open => {
            open(plan, &mut text);
            None
        }
    };
    text.blank();
    match &plan.options.rules {
        Some(rules) => text.verbatim(rules),
        None => variables(plan, &mut text),
    }
    plan.warnings.extend(warning);
    text.into_string()
}

/// A whole `haproxy.cfg`.
pub(super) fn file(plan: &Plan<'_>, frontend: &str, backend: &str) -> String {
    let mut text = Text::default();
    text.heading(&format!(
        "HAProxy's half of `{}`: run it here with `haproxy -f haproxy.cfg`.",
        plan.agent.name
    ));
    text.heading(&signature(plan.agent));
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

fn groups(plan: &Plan<'_>, text: &mut Text) {
    if plan.groups.is_empty() {
        return;
    }
    text.blank();
    text.comment(
        "The messages with an event have been answered by the time of these rules. Those of a group \
         are sent here, while there is an agent to answer, and the request waits for the answers.",
    );
    if plan
        .groups
        .iter()
        .any(|group| group.moment == Moment::Content)
    {
        text.comment("How long the client's first bytes may take.");
        text.line("tcp-request inspect-delay 5s");
    }
    for group in &plan.groups {
        let rule = match group.moment {
            Moment::Content => "tcp-request content",
            Moment::Session | Moment::Request => "http-request",
            Moment::Response => "http-response",
        };
        let condition = plan.while_up(group.condition);
        text.line(&format!(
            "{rule} send-spoe-group {} {} {condition}",
            plan.engine, group.name
        ));
    }
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
        None => {
            let mut groups = plan.groups.iter();
            let of = |group: &&Group<'_>| planned.message.group.as_deref() == Some(group.name);
            groups
                .find(of)
                .is_some_and(|group| group.moment < Moment::Response)
        }
    }
}

/// The variable that is there if the message was answered, and the condition under which that is sent.
fn verdicts<'p>(plan: &'p Plan<'_>) -> Vec<(&'p Variable, Option<&'p str>)> {
    let given = &plan.options.verdicts;
    let judged = plan
        .messages
        .iter()
        .filter(|planned| in_time(plan, planned));
    let of_message = |planned: &'p Planned<'_>| {
        let named =
            |variable: &&Variable| given.contains(&format!("{}.{}", variable.scope, variable.name));
        // What may be left alone says nothing by its absence.
        let sure = |variable: &&Variable| {
            variable.scope != "proc" && variable.presence == Presence::Always
        };
        let variables = planned.message.variables.iter();
        let chosen: Vec<_> = match given.as_slice() {
            [] => variables.filter(sure).take(1).collect(),
            _ => variables.filter(named).collect(),
        };
        let group = plan
            .groups
            .iter()
            .find(|it| planned.message.group.as_deref() == Some(it.name));
        let condition = match group {
            Some(group) => group.condition,
            None => planned.message.condition.as_deref(),
        };
        chosen
            .into_iter()
            .map(move |variable| (variable, condition))
    };
    judged.flat_map(of_message).collect()
}

fn closed(plan: &Plan<'_>, text: &mut Text) -> Option<Warning> {
    let verdicts = verdicts(plan);
    if verdicts.is_empty() {
        return Some(Warning {
            location: None,
            text:
                "`--fail closed` denies nothing: no message that is sent before the rules of the \
                   frontend is known to set a variable"
                    .to_owned(),
        });
    }
    text.comment(&format!(
        "Fail closed: what the agent has not judged is denied. The variable is missing if the handler \
         failed, if HAProxy got no answer (txn.{}.{ERROR} has the reason), and if no agent was there.",
        plan.prefix
    ));
    for (variable, condition) in verdicts {
        let found = format!("{{ var({}) -m found }}", plan.variable(variable));
        let test = Test {
            holds: &format!("!{found}"),
            fails: &found,
        };
        let condition = condition::with(test, condition);
        text.line(&format!("http-request deny deny_status 503 {condition}"));
    }
    None
}

fn open(plan: &Plan<'_>, text: &mut Text) {
    if plan.options.rules.is_some() {
        // They say themselves what becomes of a request.
        return;
    }
    let verdicts = verdicts(plan);
    let Some((first, _)) = verdicts.first() else {
        return;
    };
    let name = plan.variable(first);
    text.comment(
        "Fail open: a variable that is not set matches nothing, so a request passes that the agent has \
         not judged. To deny it instead (`--fail closed` writes this):",
    );
    text.commented_line(&format!(
        "http-request deny deny_status 503 if !{{ var({name}) -m found }}"
    ));
}

/// Rules that use all the variables there are.
fn variables(plan: &Plan<'_>, text: &mut Text) {
    let mut early: Vec<&Variable> = Vec::new();
    let mut late: Vec<&Variable> = Vec::new();
    for planned in &plan.messages {
        let known = match in_time(plan, planned) {
            true => &mut early,
            false => &mut late,
        };
        for variable in &planned.message.variables {
            if !known.contains(&variable) {
                known.push(variable);
            }
        }
    }
    // The scope `res` begins with the answer.
    early.retain(|variable| variable.scope != "res");
    if !early.is_empty() && !plan.options.show {
        text.comment(
            "Your servers see the variables in these headers, which no client may set. Rules of your \
             own ask them in the same way: `-m found`, `-m int lt 50`, `-m bool`, `-m str bot`.",
        );
        text.line("http-request del-header x-spoa- -m beg");
        for variable in &early {
            header("http-request", &plan.variable(variable), text);
        }
    }
    if plan.options.show {
        early.extend(late.iter().copied().filter(|it| it.scope != "req"));
        text.comment("For trying it out only: clients see the variables in these headers.");
        for variable in &early {
            header("http-after-response", &plan.variable(variable), text);
        }
        let error = format!("txn.{}.{ERROR}", plan.prefix);
        header("http-after-response", &error, text);
    }
}

fn header(rules: &str, variable: &str, text: &mut Text) {
    let header = variable.replace('.', "-");
    text.line(&format!(
        "{rules} set-header x-spoa-{header} %[var({variable})] if {{ var({variable}) -m found }}"
    ));
}

//! The rules that enforce verdicts: one for each outcome, since HAProxy takes no status from a variable.

use super::argument::path_word;
use super::options::{Fail, Page};
use super::plan::{Plan, Planned, Side};
use super::planned_verdict::{PlannedVerdict, VerdictMoment, add};
use super::text::Text;
use crate::{Action, HeaderChange, HeaderRule, Outcome, Series, Variable, Verdict};
use spoa_facts::Event;

/// The length of a reason in the log, in bytes.
const REASON: usize = 64;

/// The comment that says that requests pass without a verdict: `doctor` reads it.
const OPEN: &str = "Fail open: without a verdict nothing is denied. `--fail closed` denies it.";

/// Plans the verdicts.
pub(super) fn decide(plan: &mut Plan<'_>) {
    let mut verdicts: Vec<PlannedVerdict> = Vec::new();
    let mut warnings = Vec::new();
    let mut told: Vec<(&str, &str, VerdictMoment)> = Vec::new();
    for planned in &plan.messages {
        let message = planned.message;
        for verdict in &message.verdicts {
            let when = when(plan, planned);
            let before = told
                .iter()
                .find(|(action, _, before)| *action == verdict.action && *before == when);
            if let Some((_, other, _)) = before {
                warnings.push((
                    message,
                    format!(
                        "messages `{other}` and `{}` set their verdicts in one variable, and only the last one counts: \
                         give one of them its own by `struct {} as \"name\"` in its `outcomes!`",
                        message.name, verdict.declared_by
                    ),
                ));
            }
            let doubts = doubts(plan, verdict, &when).into_iter();
            warnings.extend(
                doubts.map(|text| (message, format!("message `{}`: {text}", message.name))),
            );
            told.push((&verdict.action, &message.name, when.clone()));
            add(&mut verdicts, verdict, when);
        }
    }
    plan.verdicts = verdicts;
    for (message, text) in warnings {
        plan.warn(message, text);
    }
}

/// Returns the moment at which the verdict of a message comes.
fn when(plan: &Plan<'_>, planned: &Planned<'_>) -> VerdictMoment {
    match planned.event {
        Some("on-client-session" | "on-frontend-tcp-request" | "on-frontend-http-request") => {
            VerdictMoment::Request
        }
        Some(event @ ("on-backend-tcp-request" | "on-backend-http-request")) => {
            VerdictMoment::Backend(event.to_owned())
        }
        // These come before the rules about responses, too: `on-server-session`, `on-tcp-response`.
        Some(_) => VerdictMoment::Response,
        None => match plan.group(planned) {
            Some(group) if group.by_rules => VerdictMoment::ByRules(group.name.clone()),
            Some(group) if group.earliest == Event::HttpResponse => VerdictMoment::Response,
            _ => VerdictMoment::Request,
        },
    }
}

/// Returns the parts of a verdict that HAProxy cannot enforce as they are declared.
fn doubts(plan: &Plan<'_>, verdict: &Verdict, when: &VerdictMoment) -> Vec<String> {
    let mut doubts = Vec::new();
    let has = |action| verdict.outcomes.iter().any(|it| it.action == action);
    match when {
        VerdictMoment::Response => {
            if has(Action::Tarpit) {
                doubts.push(
                    "HAProxy cannot tarpit a response, and denies it at once".to_owned(),
                );
            }
            if verdict.headers.iter().any(|it| !it.of_response) {
                doubts.push(
                    "the server already has the request when the verdict comes, so its request headers are not changed"
                        .to_owned(),
                );
            }
        }
        VerdictMoment::Backend(_) if plan.writes_servers() => {}
        VerdictMoment::Backend(event) => doubts.push(format!(
            "it is sent at `{event}`, after the rules of the frontend: copy the rules from the comment into the \
             backend"
        )),
        VerdictMoment::ByRules(group) => doubts.push(format!(
            "a rule of `--rules` sends its group `{group}`: copy the rules from the comment to after that rule"
        )),
        VerdictMoment::Request => {}
    }
    if has(Action::Respond) && plan.options.series < Series::V3_2 {
        doubts.push(
            "HAProxy before 3.2 percent-encodes the control characters in a body, line ends included: respond \
             with JSON or HTML on one line"
                .to_owned(),
        );
    }
    if verdict.headers.iter().any(|it| it.name.is_none()) && plan.options.series < Series::V3_4 {
        doubts.push(
            "HAProxy takes headers of any names from 3.4 on, so they are not changed: declare their names"
                .to_owned(),
        );
    }
    doubts
}

/// Returns whether a verdict reads a variable, or its value is of no use to others.
pub(super) fn owns(plan: &Plan<'_>, variable: &Variable) -> bool {
    plan.verdicts.iter().any(|it| it.verdict.owns(variable))
}

/// Returns whether a variable is for a verdict alone: a header, or a body.
pub(super) fn hides(plan: &Plan<'_>, variable: &Variable) -> bool {
    plan.verdicts.iter().any(|it| {
        let shown = [&it.verdict.action, &it.verdict.status, &it.verdict.reason];
        it.verdict.owns(variable) && !shown.contains(&&variable.name)
    })
}

/// Writes all verdicts of the frontend that are not in the site's own rules.
///
/// Rules for backends are comments, unless the backend of the servers is in the file, too.
pub(super) fn lines(plan: &Plan<'_>, with_servers: bool, text: &mut Text) {
    for planned in &plan.verdicts {
        frontend(planned, plan, with_servers, text);
    }
}

/// Writes the rules for the backend of the servers.
pub(super) fn backend_lines(plan: &Plan<'_>, text: &mut Text) {
    for planned in &plan.verdicts {
        let Some(event) = planned.backend_event() else {
            continue;
        };
        let action = variable(plan, &planned.verdict.action);
        text.comment(&format!(
            "Enforces the verdict in {action}, which comes at `{event}`. Each backend needs these rules."
        ));
        if plan.options.fail == Fail::Open {
            text.comment(OPEN);
        }
        for rule in outcome_rules(planned, plan, Side::Backend) {
            text.line(&rule);
        }
        if !planned.is_early() {
            for rule in headers(planned, plan, false) {
                text.line(&rule);
            }
        }
    }
}

fn frontend(planned: &PlannedVerdict, plan: &Plan<'_>, with_servers: bool, text: &mut Text) {
    let verdict = &planned.verdict;
    let action = variable(plan, &verdict.action);
    let by_site = judges(plan, &action);
    let mut sides = Vec::new();
    if planned.is_early() && !by_site {
        sides.push(Side::Request);
    }
    if planned.is_late() && !by_site {
        sides.push(Side::Response);
    }
    for when in &planned.moments {
        comments(planned, plan, when, by_site, with_servers, text);
    }
    if !sides.is_empty() && !verdict.outcomes.is_empty() {
        text.blank();
        let reason = variable(plan, &verdict.reason);
        if planned.is_early() {
            text.comment(&format!(
                "Enforces the verdict in {action}; the reason is in the log line. The first rule that \
                 matches ends the others."
            ));
            text.line(&format!("http-request capture var({reason}) len {REASON}"));
        } else {
            text.comment(&format!(
                "Enforces the verdict in {action}. The first rule that matches ends the others."
            ));
        }
        if plan.options.fail == Fail::Open && plan.options.rules.is_some() {
            text.comment(OPEN);
        }
        for side in &sides {
            for rule in outcome_rules(planned, plan, *side) {
                text.line(&rule);
            }
        }
    }
    // The rules for the backends of the site and those after a rule of the site's need it, too.
    let elsewhere = planned.moments.iter().any(|when| match when {
        VerdictMoment::Backend(_) => true,
        VerdictMoment::ByRules(_) => !by_site,
        VerdictMoment::Request | VerdictMoment::Response => false,
    });
    if (!sides.is_empty() || elsewhere) && verdict.statuses(Action::Respond).next().is_some() {
        let content_type = variable(plan, &verdict.content_type);
        text.line(&format!(
            "http-after-response set-header content-type %[var({content_type})] if {{ \
             var({content_type}) -m found }}"
        ));
    }
    let mut rules = headers(planned, plan, true);
    if planned.is_early() {
        rules.extend(headers(planned, plan, false));
    }
    if !rules.is_empty() {
        text.blank();
        text.comment("The headers that come with the verdict. A client cannot set those that the agent sets.");
        for rule in rules {
            text.line(&rule);
        }
    }
}

/// Writes the rules that belong elsewhere as comments. The rules for headers of the request are among them, since in the
/// frontend they would run before the verdict comes.
fn comments(
    planned: &PlannedVerdict,
    plan: &Plan<'_>,
    when: &VerdictMoment,
    by_site: bool,
    with_servers: bool,
    text: &mut Text,
) {
    let action = variable(plan, &planned.verdict.action);
    let by_site = by_site && matches!(when, VerdictMoment::ByRules(_));
    let (comment, side) = match when {
        VerdictMoment::Backend(event) if with_servers => {
            text.blank();
            text.comment(&format!(
                "The verdict in {action} comes at `{event}`, after these rules: `backend servers` enforces it."
            ));
            return;
        }
        VerdictMoment::Backend(event) => (
            format!(
                "The verdict in {action} comes at `{event}`, after the rules of the frontend. These rules enforce \
                 it. They are a comment because your backends are not in this file: copy them into each backend."
            ),
            Side::Backend,
        ),
        VerdictMoment::ByRules(group) if by_site => (
            format!(
                "The verdict in {action} comes with the group `{group}`, which a rule of yours sends. These rules \
                 set its request headers, and keep clients from setting them. They are a comment because their place is \
                 after that rule: copy them there."
            ),
            plan.side_of_group(group),
        ),
        VerdictMoment::ByRules(group) => (
            format!(
                "The verdict in {action} comes with the group `{group}`, which a rule of yours sends. These rules \
                 enforce it. They are a comment because their place is after that rule: copy them there."
            ),
            plan.side_of_group(group),
        ),
        _ => return,
    };
    let mut rules = Vec::new();
    if !by_site {
        rules.extend(outcome_rules(planned, plan, side));
    }
    if side != Side::Response && !planned.is_early() {
        rules.extend(headers(planned, plan, false));
    }
    if rules.is_empty() {
        return;
    }
    text.blank();
    text.comment(&comment);
    for rule in rules {
        text.commented_line(&rule);
    }
}

/// Returns one rule for each outcome, and one for an unknown outcome.
fn outcome_rules(planned: &PlannedVerdict, plan: &Plan<'_>, side: Side) -> Vec<String> {
    let ruleset = side.rules();
    let verdict = &planned.verdict;
    let action = variable(plan, &verdict.action);
    let mut rules = Vec::new();
    for outcome in &verdict.outcomes {
        let rule = match paged(plan, outcome, side) {
            Some(what) => {
                let condition = verdict.condition(outcome, &plan.prefix);
                format!("{ruleset} {what} if {condition}")
            }
            None => verdict.rule(outcome, ruleset, &plan.prefix),
        };
        rules.push(rule);
    }
    rules.push(format!(
        "{ruleset} deny deny_status 403 if {{ var({action}) -m found }} !{{ var({action}) -m str allow }}"
    ));
    rules
}

/// Returns the action of a rule that responds with a page of the site.
fn paged(plan: &Plan<'_>, outcome: &Outcome, side: Side) -> Option<String> {
    let (action, status) = (outcome.action, outcome.status?);
    let page = page(plan, (action != Action::Challenge).then_some(status))?;
    let (of, file) = (content_type(page), path_word(&page.file));
    match action {
        Action::Challenge => Some(format!(
            "return status {status} content-type {of} lf-file {file}"
        )),
        Action::Deny | Action::Tarpit => {
            let tarpits = action == Action::Tarpit && side == Side::Request;
            let keyword = if tarpits { "tarpit" } else { "deny" };
            Some(format!(
                "{keyword} status {status} content-type {of} file {file}"
            ))
        }
        _ => None,
    }
}

/// Returns the rules for the headers of the response, or for those of the request.
fn headers(planned: &PlannedVerdict, plan: &Plan<'_>, of_response: bool) -> Vec<String> {
    let headers = planned.verdict.headers.iter();
    let headers = headers.filter(|header| header.of_response == of_response);
    let mut rules = Vec::new();
    for header in headers {
        let name = variable(plan, &header.variable);
        if !changes(plan, header, &name) {
            rules.extend(header_rules(plan, header, &name));
        }
    }
    rules
}

/// Returns the rules for one header, or for those of any names.
fn header_rules(plan: &Plan<'_>, header: &HeaderRule, variable: &str) -> Vec<String> {
    let rules = if header.of_response {
        "http-after-response"
    } else {
        "http-request"
    };
    let Some(name) = &header.name else {
        if plan.options.series < Series::V3_4 {
            return Vec::new();
        }
        let keyword = match header.change {
            HeaderChange::Set => "set-headers-bin",
            HeaderChange::Add => "add-headers-bin",
            HeaderChange::Remove => "del-headers-bin",
        };
        return vec![format!(
            "{rules} {keyword} var({variable}) if {{ var({variable}) -m found }}"
        )];
    };
    let found = format!("if {{ var({variable}) -m found }}");
    match header.change {
        HeaderChange::Set => {
            let set = format!("{rules} set-header {name} %[var({variable})] {found}");
            if header.of_response {
                vec![set]
            } else {
                vec![format!("{rules} del-header {name}"), set]
            }
        }
        HeaderChange::Add => vec![format!(
            "{rules} add-header {name} %[var({variable})] {found}"
        )],
        HeaderChange::Remove => vec![format!("{rules} del-header {name} {found}")],
    }
}

/// Returns the site's page for a status, or for challenges.
fn page<'a>(plan: &Plan<'a>, status: Option<u16>) -> Option<&'a Page> {
    plan.options.pages.iter().find(|it| it.status == status)
}

fn content_type(page: &Page) -> &'static str {
    match page.file.rsplit('.').next() {
        Some("json") => "application/json",
        Some("txt") => "text/plain",
        _ => "text/html",
    }
}

/// Returns the whole name of a variable.
fn variable(plan: &Plan<'_>, name: &str) -> String {
    format!("txn.{}.{name}", plan.prefix)
}

/// Returns whether the site's own rules ask for the value of a verdict, not only for its presence.
fn judges(plan: &Plan<'_>, action: &str) -> bool {
    let expression = format!("var({action})");
    let mut rules = plan.rules();
    rules.any(|words| {
        let hands_on = words.iter().any(|word| word.starts_with("set-var"))
            || matches!(words.first(), Some(&"acl" | &"use_backend"));
        let names = words.iter().any(|word| word.contains(&expression));
        let mut places = words.windows(3);
        let asks = places.any(|place| {
            matches!(place, [it, "-m", method] if it.contains(&expression) && *method != "found")
        });
        asks || (hands_on && names)
    })
}

/// Returns whether the site's own rules change a header by a variable. A rule that only reads the variable, for a
/// log or another header, leaves the header to `config`.
fn changes(plan: &Plan<'_>, header: &HeaderRule, variable: &str) -> bool {
    let ends = [format!("var({variable})"), format!("var({variable},")];
    let mut rules = plan.rules();
    rules.any(|words| {
        let keyword = words.get(1).copied().unwrap_or_default();
        let changed = match &header.name {
            None => keyword.ends_with("-headers-bin"),
            Some(name) => {
                keyword.ends_with("-header")
                    && words
                        .get(2)
                        .is_some_and(|word| word.eq_ignore_ascii_case(name))
            }
        };
        let mut words = words.iter();
        changed && words.any(|word| ends.iter().any(|end| word.contains(end.as_str())))
    })
}

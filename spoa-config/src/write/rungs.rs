//! The rules that enforce what handlers decide: one for each outcome, since HAProxy takes no status from a
//! variable.
//!
//! It must not know when a message is sent: the plan has decided.

use super::plan::{Plan, Planned};
use super::text::Text;
use super::{Fail, Warning};
use crate::{Action, HeaderChange, HeaderRule, Message, Outcome, Series, Variable, Verdict};
use spoa_facts::Event;

/// How much of a reason is logged, in bytes.
const REASON: usize = 64;

/// A page of the site's, a file that HAProxy reads when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The status it is for, or any challenge.
    pub status: Option<u16>,
    /// The path of the file.
    pub file: String,
}

/// One verdict, with the moments at which it can come.
#[derive(Debug)]
pub(super) struct Ladder {
    verdict: Verdict,
    /// Whether it is there for the rules about requests.
    early: bool,
    /// Whether it is there for the rules about responses only.
    late: bool,
    /// The event after the rules of the frontend at which it comes.
    elsewhere: Option<String>,
    /// The group that a rule of the site's own sends.
    by_rules: Option<String>,
}

/// When a verdict is there.
#[derive(Clone, Debug, PartialEq, Eq)]
enum When {
    Early,
    Late,
    Elsewhere(String),
    ByRules(String),
}

/// Decides which ladders there are.
pub(super) fn decide(plan: &mut Plan<'_>) {
    let mut ladders: Vec<Ladder> = Vec::new();
    let mut warnings = Vec::new();
    let mut told: Vec<(&str, &str, When)> = Vec::new();
    for planned in &plan.messages {
        let message = planned.message;
        for verdict in &message.verdicts {
            let when = when(plan, planned);
            let before = told
                .iter()
                .find(|(action, _, before)| *action == verdict.action && *before == when);
            if let Some((_, other, _)) = before {
                warnings.push(warning(
                    message,
                    format!(
                        "messages `{other}` and `{}` tell their verdicts by one variable, and the last one counts: \
                         give one of them its own by `struct {} as \"name\"` in its `outcomes!`",
                        message.name, verdict.declared_by
                    ),
                ));
            }
            warnings.extend(
                doubts(plan, verdict, &when)
                    .into_iter()
                    .map(|text| warning(message, format!("message `{}`: {text}", message.name))),
            );
            told.push((&verdict.action, &message.name, when.clone()));
            add(&mut ladders, verdict, when);
        }
    }
    plan.ladders = ladders;
    plan.warnings.extend(warnings);
}

fn warning(message: &Message, text: String) -> Warning {
    Warning {
        location: Some(message.location.clone()),
        text,
    }
}

/// When the verdict of a message is there.
fn when(plan: &Plan<'_>, planned: &Planned<'_>) -> When {
    match planned.event {
        Some("on-client-session" | "on-frontend-tcp-request" | "on-frontend-http-request") => {
            When::Early
        }
        Some("on-http-response") => When::Late,
        Some(event) => When::Elsewhere(event.to_owned()),
        None => {
            let mut groups = plan.groups.iter();
            let group = groups.find(|it| planned.group.as_deref() == Some(&it.name));
            match group {
                Some(group) if group.by_rules => When::ByRules(group.name.clone()),
                Some(group) if group.earliest == Event::HttpResponse => When::Late,
                _ => When::Early,
            }
        }
    }
}

/// Adds a verdict to the ladder of its variables.
fn add(ladders: &mut Vec<Ladder>, verdict: &Verdict, when: When) {
    let known = ladders
        .iter()
        .position(|it| it.verdict.action == verdict.action);
    let index = known.unwrap_or_else(|| {
        ladders.push(Ladder {
            verdict: Verdict {
                outcomes: Vec::new(),
                headers: Vec::new(),
                ..verdict.clone()
            },
            early: false,
            late: false,
            elsewhere: None,
            by_rules: None,
        });
        ladders.len() - 1
    });
    let Some(ladder) = ladders.get_mut(index) else {
        return;
    };
    for outcome in &verdict.outcomes {
        if !ladder.verdict.outcomes.contains(outcome) {
            ladder.verdict.outcomes.push(*outcome);
        }
    }
    for header in &verdict.headers {
        if !ladder.verdict.headers.contains(header) {
            ladder.verdict.headers.push(header.clone());
        }
    }
    match when {
        When::Early => ladder.early = true,
        When::Late => ladder.late = true,
        When::Elsewhere(event) => ladder.elsewhere = Some(event),
        When::ByRules(group) => ladder.by_rules = Some(group),
    }
}

/// What HAProxy cannot do as it is declared.
fn doubts(plan: &Plan<'_>, verdict: &Verdict, when: &When) -> Vec<String> {
    let mut doubts = Vec::new();
    let has = |action| verdict.outcomes.iter().any(|it| it.action == action);
    match when {
        When::Late => {
            if has(Action::Tarpit) {
                doubts.push(
                    "HAProxy cannot tarpit a response, and denies it at once".to_owned(),
                );
            }
            if verdict.headers.iter().any(|it| !it.of_response) {
                doubts.push(
                    "the server has the request when the verdict comes, so its request headers are not changed"
                        .to_owned(),
                );
            }
        }
        When::Elsewhere(event) => doubts.push(format!(
            "it is sent at `{event}`, after the rules of the frontend: copy the rules from the comment into the \
             backend"
        )),
        When::ByRules(group) => doubts.push(format!(
            "a rule of `--rules` sends its group `{group}`: copy the rules from the comment to after that rule"
        )),
        When::Early => {}
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

/// Whether a ladder reads a variable, or its value is of no use to others.
pub(super) fn owns(plan: &Plan<'_>, variable: &Variable) -> bool {
    plan.ladders.iter().any(|it| it.verdict.owns(variable))
}

/// Whether a variable is for a ladder alone: a header, or a body.
pub(super) fn hides(plan: &Plan<'_>, variable: &Variable) -> bool {
    plan.ladders.iter().any(|it| {
        let shown = [&it.verdict.action, &it.verdict.status, &it.verdict.reason];
        it.verdict.owns(variable) && !shown.contains(&&variable.name)
    })
}

/// Writes all ladders that the site's own rules do not have.
pub(super) fn lines(plan: &Plan<'_>, text: &mut Text) {
    for ladder in &plan.ladders {
        ladder.lines(plan, text);
    }
}

/// The rules about requests, or those about responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Request,
    Response,
}

impl Side {
    fn rules(self) -> &'static str {
        match self {
            Side::Request => "http-request",
            Side::Response => "http-response",
        }
    }
}

impl Ladder {
    fn lines(&self, plan: &Plan<'_>, text: &mut Text) {
        let verdict = &self.verdict;
        let action = variable(plan, &verdict.action);
        let by_site = judges(plan, &action);
        let mut sides = Vec::new();
        if self.early && !by_site {
            sides.push(Side::Request);
        }
        if self.late && !by_site {
            sides.push(Side::Response);
        }
        if let Some(event) = &self.elsewhere {
            text.blank();
            text.comment(&format!(
                "The verdict in {action} comes at `{event}`. These rules enforce it, in the backend:"
            ));
            for rule in self.rungs(plan, Side::Request) {
                text.commented_line(&rule);
            }
        }
        if let Some(group) = self.by_rules.as_ref().filter(|_| !by_site) {
            text.blank();
            text.comment(&format!(
                "The verdict in {action} comes with the group `{group}`. These rules enforce it, after the rule \
                 that sends the group:"
            ));
            for rule in self.rungs(plan, Side::Request) {
                text.commented_line(&rule);
            }
        }
        if !sides.is_empty() && !verdict.outcomes.is_empty() {
            text.blank();
            let reason = variable(plan, &verdict.reason);
            if self.early {
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
                text.comment(
                    "Fail open: without a verdict nothing is denied. `--fail closed` denies it.",
                );
            }
            for side in sides {
                for rule in self.rungs(plan, side) {
                    text.line(&rule);
                }
            }
            let content_type = variable(plan, &verdict.content_type);
            if verdict.statuses(Action::Respond).next().is_some() {
                text.line(&format!(
                    "http-after-response set-header content-type %[var({content_type})] if {{ \
                     var({content_type}) -m found }}"
                ));
            }
        }
        self.headers(plan, text);
    }

    /// One rule for each outcome, and one for what is not known.
    fn rungs(&self, plan: &Plan<'_>, side: Side) -> Vec<String> {
        let rules = side.rules();
        let verdict = &self.verdict;
        let action = variable(plan, &verdict.action);
        let mut rungs = Vec::new();
        for outcome in &verdict.outcomes {
            let rule = match self.paged(plan, outcome, side) {
                Some(what) => {
                    let condition = verdict.condition(outcome, &plan.prefix);
                    format!("{rules} {what} if {condition}")
                }
                None => verdict.rule(outcome, rules, &plan.prefix),
            };
            rungs.push(rule);
        }
        rungs.push(format!(
            "{rules} deny deny_status 403 if {{ var({action}) -m found }} !{{ var({action}) -m str allow }}"
        ));
        rungs
    }

    /// What a rule does with a page of the site's.
    fn paged(&self, plan: &Plan<'_>, outcome: &Outcome, side: Side) -> Option<String> {
        let (action, status) = (outcome.action, outcome.status?);
        let page = page(plan, (action != Action::Challenge).then_some(status))?;
        let (of, file) = (content_type(page), &page.file);
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

    /// The rules for headers.
    fn headers(&self, plan: &Plan<'_>, text: &mut Text) {
        let mut rules = Vec::new();
        let headers = self.verdict.headers.iter();
        for header in headers {
            let name = variable(plan, &header.variable);
            if says(plan, &name) || (!header.of_response && !self.early) {
                continue;
            }
            rules.extend(header_rules(plan, header, &name));
        }
        if rules.is_empty() {
            return;
        }
        text.blank();
        text.comment("The headers that come with the verdict. A client cannot set those that the agent sets.");
        for rule in rules {
            text.line(&rule);
        }
    }
}

/// The rules for one header, or for those of any names.
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

/// The site's page for a status, or for challenges.
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

/// The whole name of a variable.
fn variable(plan: &Plan<'_>, name: &str) -> String {
    format!("txn.{}.{name}", plan.prefix)
}

/// Whether the site's own rules ask what a verdict is, and not only whether there is one.
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

/// Whether the site's own rules read a variable.
fn says(plan: &Plan<'_>, variable: &str) -> bool {
    let ends = [format!("var({variable})"), format!("var({variable},")];
    let mut rules = plan.rules();
    rules.any(|words| {
        let mut words = words.iter();
        words.any(|word| ends.iter().any(|end| word.contains(end.as_str())))
    })
}

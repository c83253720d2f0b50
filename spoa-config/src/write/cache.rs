//! Answers that HAProxy keeps for a while in a stick-table, so that it does not ask again.

use super::condition::{self, Test};
use super::options::{Fail, Refusal};
use super::plan::{Plan, Planned, Proof};
use super::text::Text;
use crate::{Action, Message, Outcome, Presence, Variable};
use spoa_facts::{Event, Expression, Kind};

/// The counters by which rules reach an entry, the least used first. HAProxy has three of them
/// (`tune.stick-counters`).
const COUNTERS: [u8; 3] = [2, 1, 0];

/// The number of the outcome `allow`. The declared ones follow.
const ALLOW: usize = 1;

/// The keys that a table holds; the oldest make room for new ones.
const ENTRIES: &str = "100k";

/// The table, and what it keeps.
#[derive(Debug)]
pub(super) struct Table {
    /// The name of the section with the table.
    name: String,
    /// `type` of the table.
    kind: &'static str,
    /// The sample of the key, as the table takes it.
    key: String,
    /// The age in seconds from which an answer is asked for again.
    seconds: u64,
    /// The counter by which rules reach the entry.
    counter: u8,
    groups: Vec<Kept>,
}

/// A group whose answers are kept.
#[derive(Debug)]
struct Kept {
    group: String,
    condition: Option<String>,
    /// The variables, without their scope, that hold when it was asked, and how long ago.
    asked: String,
    age: String,
    /// The place of the time in an entry. The values follow.
    place: usize,
    values: Vec<Value>,
}

/// A value of an answer that fits an entry, which holds numbers of 32 bits.
#[derive(Debug, PartialEq, Eq)]
enum Value {
    Number(String),
    Flag(String),
    /// The action of a verdict and its status, by the number of its outcome.
    Verdict {
        action: String,
        status: String,
        outcomes: Vec<Declared>,
    },
    /// The sign of success that a message asks for. It takes no place.
    Sign(String),
}

/// An outcome, and the condition that holds if a verdict is it.
#[derive(Debug, PartialEq, Eq)]
struct Declared {
    outcome: Outcome,
    condition: String,
}

/// Returns the sample of a key as a table takes it, and the type of the table.
///
/// # Errors
/// A refusal if HAProxy does not have the sample at the rules for requests.
fn key(plan: &Plan<'_>, sample: &str) -> Result<(String, &'static str), Refusal> {
    let refused = |reason: String| Refusal::Cache {
        sample: sample.to_owned(),
        reason,
    };
    let parsed = Expression::parse(sample).map_err(|problem| refused(problem.to_string()))?;
    let checked = parsed.check(plan.options.series);
    let checked = checked.map_err(|problem| refused(problem.to_string()))?;
    if !checked.at(Event::FrontendHttpRequest) {
        return Err(refused(
            "HAProxy does not have it when a request comes".to_owned(),
        ));
    }
    Ok(match checked.kind() {
        Kind::Addr | Kind::Ipv4 | Kind::Ipv6 => (sample.to_owned(), "ipv6"),
        Kind::Bool | Kind::Sint => (sample.to_owned(), "integer"),
        // A table cuts a longer text, and two clients would share an answer.
        _ => (format!("{sample},sha2(256)"), "binary len 32"),
    })
}

/// Returns whether a message at an event is sent by a rule instead, so that a rule can leave it out.
pub(super) fn takes(plan: &Plan<'_>, message: &Message, event: &str) -> bool {
    plan.options.cache.is_some() && is_early(event) && values(plan, message).is_ok()
}

fn is_early(event: &str) -> bool {
    [
        "on-client-session",
        "on-frontend-tcp-request",
        "on-frontend-http-request",
    ]
    .contains(&event)
}

/// Decides which answers are kept.
///
/// # Errors
/// A refusal if no answer can be kept, or the key is not one.
pub(super) fn decide(plan: &mut Plan<'_>) -> Result<(), Refusal> {
    let Some(wanted) = plan.options.cache.clone() else {
        return Ok(());
    };
    let (key, kind) = key(plan, &wanted.key)?;
    let taken = |counter: &u8| {
        let word = format!("track-sc{counter}");
        plan.rules().any(|words| words.contains(&word.as_str()))
    };
    let mut counters = COUNTERS.iter().copied().filter(|counter| !taken(counter));
    let Some(counter) = counters.next() else {
        return Err(Refusal::Cache {
            sample: wanted.key,
            reason: "the rules of `--rules` use all of `track-sc0`, `track-sc1` and `track-sc2`"
                .to_owned(),
        });
    };
    let mut groups = Vec::new();
    let mut place = 0;
    for index in 0..plan.groups.len() {
        let Some(kept) = kept(plan, index, place) else {
            continue;
        };
        place += 1 + kept.values.iter().filter(|it| it.has_place()).count();
        groups.push(kept);
        if let Some(group) = plan.groups.get_mut(index) {
            group.earliest = Event::FrontendHttpRequest;
        }
    }
    let warnings = warnings(plan, &groups, &wanted.key);
    if groups.is_empty() {
        let reasons: Vec<_> = warnings.into_iter().map(|(_, text)| text).collect();
        return Err(Refusal::Cache {
            sample: wanted.key,
            reason: reasons.join("; "),
        });
    }
    for (message, text) in warnings {
        plan.warn(message, text);
    }
    plan.groups.sort_by_key(|group| group.earliest);
    plan.cache = Some(Table {
        name: format!("{}-cache", plan.engine),
        kind,
        key,
        seconds: wanted.time.as_secs(),
        counter,
        groups,
    });
    Ok(())
}

/// Returns what is kept of a group; `None` for one that is asked each time.
fn kept(plan: &Plan<'_>, index: usize, place: usize) -> Option<Kept> {
    let group = plan.groups.get(index)?;
    if group.by_rules || group.earliest > Event::FrontendHttpRequest {
        return None;
    }
    let messages = plan.messages.iter();
    let messages = messages.filter(|it| it.group.as_deref() == Some(&group.name));
    let mut all = Vec::new();
    for planned in messages {
        all.extend(values(plan, planned.message).ok()?);
        all.extend(sign(plan, planned));
    }
    let number = match place {
        0 => String::new(),
        place => place.to_string(),
    };
    Some(Kept {
        group: group.name.clone(),
        condition: group.condition.map(str::to_owned),
        asked: format!("{}_asked{number}", plan.prefix),
        age: format!("{}_age{number}", plan.prefix),
        place,
        values: all,
    })
}

/// Returns the sign of success that `--fail closed` tests, if the message asks for it.
fn sign(plan: &Plan<'_>, planned: &Planned<'_>) -> Option<Value> {
    match &planned.proof {
        Proof::Sign(sign) if plan.options.fail == Fail::Closed && sign.asked.is_some() => {
            Some(Value::Sign(sign.variable.clone()))
        }
        _ => None,
    }
}

/// Returns the messages that are asked each time, with the reason, and what to know of the others.
fn warnings<'a>(plan: &Plan<'a>, groups: &[Kept], key: &str) -> Vec<(&'a Message, String)> {
    let mut warnings = Vec::new();
    for planned in &plan.messages {
        let message = planned.message;
        let is_kept = groups
            .iter()
            .any(|kept| planned.group.as_deref() == Some(&kept.group));
        if is_kept {
            let samples = planned.args.iter().filter_map(|arg| arg.sample());
            let others: Vec<_> = samples
                .filter(|sample| *sample != key)
                .map(|sample| format!("`{sample}`"))
                .collect();
            if !others.is_empty() {
                let text = format!(
                    "the answer to message `{}` is kept for all requests of one `{key}`, also if they differ in {}",
                    message.name,
                    others.join(", ")
                );
                warnings.push((message, text));
            }
            continue;
        }
        let why = match values(plan, message) {
            Err(why) => why,
            Ok(_) if planned.event.is_some() => "it is not about a request in the frontend".to_owned(),
            Ok(_) => "its group is sent by a rule of `--rules`, has a message that cannot be kept, or is not \
                      about a request in the frontend"
                .to_owned(),
        };
        let text = format!(
            "the answer to message `{}` is not kept: {why}",
            message.name
        );
        warnings.push((message, text));
    }
    warnings
}

/// Returns the values of an answer as an entry holds them.
///
/// # Errors
/// The reason why an entry does not hold them.
fn values(plan: &Plan<'_>, message: &Message) -> Result<Vec<Value>, String> {
    let mut values = Vec::new();
    for verdict in &message.verdicts {
        if let Some(header) = verdict.headers.first() {
            return Err(format!(
                "its verdict sets the variable `{}` for a header, and a table keeps numbers only",
                header.variable
            ));
        }
        let mut outcomes = verdict.outcomes.iter();
        let with_data = outcomes.find(|it| matches!(it.action, Action::Redirect | Action::Respond));
        if let Some(outcome) = with_data {
            return Err(format!(
                "its verdict can be `{}`, which has a text, and a table keeps numbers only",
                outcome.action.name()
            ));
        }
        values.push(Value::Verdict {
            action: format!("txn.{}.{}", plan.prefix, verdict.action),
            status: format!("txn.{}.{}", plan.prefix, verdict.status),
            outcomes: verdict
                .outcomes
                .iter()
                .map(|outcome| Declared {
                    outcome: *outcome,
                    condition: verdict.condition(outcome, &plan.prefix),
                })
                .collect(),
        });
    }
    for variable in &message.variables {
        if message.verdicts.iter().any(|it| it.owns(variable)) {
            continue;
        }
        values.push(value(plan, variable)?);
    }
    if values.is_empty() {
        return Err("it sets no variable that is known".to_owned());
    }
    if !message.complete {
        return Err("it may set variables that are not known".to_owned());
    }
    Ok(values)
}

fn value(plan: &Plan<'_>, variable: &Variable) -> Result<Value, String> {
    let name = format!("{}.{}", variable.scope, variable.name);
    match variable.presence {
        Presence::Always => {}
        Presence::Sometimes => {
            return Err(format!(
                "it may leave `{name}` unset, and a table keeps numbers only"
            ));
        }
        Presence::Unknown => {
            return Err(format!(
                "nothing says that each success sets `{name}`: a struct with `#[derive(IntoActions)]` does"
            ));
        }
    }
    if variable.scope == "proc" {
        return Err(format!("`{name}` is there for all requests as it is"));
    }
    let whole = plan.variable(variable);
    match variable.rust_type.as_deref() {
        Some("bool") => Ok(Value::Flag(whole)),
        Some("u8" | "u16" | "u32") => Ok(Value::Number(whole)),
        other => Err(format!(
            "`{name}` is `{}`, and a table keeps `bool`, `u8`, `u16` and `u32` only",
            other.unwrap_or("of a type that is not known")
        )),
    }
}

impl Value {
    fn has_place(&self) -> bool {
        !matches!(self, Value::Sign(_))
    }

    /// Returns the variable that shows that there is an answer.
    fn variable(&self) -> &str {
        match self {
            Value::Number(variable)
            | Value::Flag(variable)
            | Value::Sign(variable)
            | Value::Verdict {
                action: variable, ..
            } => variable,
        }
    }
}

impl Kept {
    fn is_fresh(&self, seconds: u64) -> String {
        format!("{{ var(txn.{}) -m int lt {seconds} }}", self.age)
    }
}

impl Table {
    /// Returns the test of whether a group need not be sent, if its answers are kept.
    pub(super) fn fresh(&self, group: &str) -> Option<String> {
        let kept = self.groups.iter().find(|kept| kept.group == group)?;
        Some(kept.is_fresh(self.seconds))
    }

    /// Writes the rules that take kept answers.
    pub(super) fn take(&self, text: &mut Text) {
        text.blank();
        text.comment(&format!(
            "Answers are kept for {} s by `{}`: until then, no request of that key asks the agent.",
            self.seconds, self.key
        ));
        let Table { counter, name, .. } = self;
        text.line(&format!(
            "http-request track-sc{counter} {} table {name}",
            self.key
        ));
        for kept in &self.groups {
            let Kept { asked, age, .. } = kept;
            text.line(&format!(
                "http-request set-var(txn.{asked}) sc_get_gpt({},{counter})",
                kept.place
            ));
            text.line(&format!(
                "http-request set-var(txn.{age}) date,sub(txn.{asked})"
            ));
            for (place, value) in kept.places() {
                self.take_value(kept, place, value, text);
            }
        }
    }

    fn take_value(&self, kept: &Kept, place: usize, value: &Value, text: &mut Text) {
        let counter = self.counter;
        let fresh = kept.is_fresh(self.seconds);
        let stale = format!("!{fresh}");
        let test = Test {
            holds: &fresh,
            fails: &stale,
        };
        let when = condition::with(test, kept.condition.as_deref());
        let set = |variable: &str, value: &str, when: &str| {
            format!("http-request set-var({variable}) {value} {when}")
        };
        // An earlier request of the session may have set it.
        if value.variable().starts_with("sess.") {
            let condition = kept.condition.as_deref().unwrap_or_default();
            let unset = format!("http-request unset-var({}) {condition}", value.variable());
            text.line(unset.trim_end());
        }
        match value {
            Value::Number(variable) => {
                text.line(&set(
                    variable,
                    &format!("sc_get_gpt({place},{counter})"),
                    &when,
                ));
            }
            Value::Flag(variable) => {
                let sample = format!("sc_get_gpt({place},{counter}),bool");
                text.line(&set(variable, &sample, &when));
            }
            Value::Sign(variable) => text.line(&set(variable, "bool(true)", &when)),
            Value::Verdict {
                action,
                status,
                outcomes,
            } => {
                let of = |number: usize| {
                    let is = format!("{fresh} {{ sc_get_gpt({place},{counter}) eq {number} }}");
                    let is_not =
                        format!("{stale} or !{{ sc_get_gpt({place},{counter}) eq {number} }}");
                    let test = Test {
                        holds: &is,
                        fails: &is_not,
                    };
                    condition::with(test, kept.condition.as_deref())
                };
                text.line(&set(action, "str(allow)", &of(ALLOW)));
                for (number, declared) in (ALLOW + 1..).zip(outcomes) {
                    let when = of(number);
                    let Outcome {
                        action: name,
                        status: code,
                    } = declared.outcome;
                    text.line(&set(action, &format!("str({})", name.name()), &when));
                    if let Some(code) = code {
                        text.line(&set(status, &format!("int({code})"), &when));
                    }
                }
            }
        }
    }

    /// Writes the rules that keep new answers.
    pub(super) fn keep(&self, text: &mut Text) {
        text.comment("New answers are kept. Without an answer nothing is, so that the next request asks again.");
        for kept in &self.groups {
            let fresh = kept.is_fresh(self.seconds);
            let (mut holds, mut fails) = (format!("!{fresh}"), fresh);
            let mut lines = Vec::new();
            for (place, value) in kept.places() {
                let mut found = |variable: &str| {
                    holds.push_str(&format!(" {{ var({variable}) -m found }}"));
                    fails.push_str(&format!(" or !{{ var({variable}) -m found }}"));
                };
                let source = match value {
                    Value::Number(variable) | Value::Flag(variable) => variable.clone(),
                    Value::Sign(variable) => {
                        found(variable);
                        continue;
                    }
                    Value::Verdict {
                        action, outcomes, ..
                    } => {
                        // A verdict that is not declared has no number, and is not kept.
                        let number = format!("txn.{}_{place}", kept.asked);
                        let set = format!("http-request set-var({number})");
                        text.line(&format!(
                            "{set} int({ALLOW}) if {{ var({action}) -m str allow }}"
                        ));
                        for (index, declared) in (ALLOW + 1..).zip(outcomes) {
                            text.line(&format!("{set} int({index}) if {}", declared.condition));
                        }
                        number
                    }
                };
                found(&source);
                lines.push((place, format!("var({source})")));
            }
            let test = Test {
                holds: &holds,
                fails: &fails,
            };
            let answered = condition::with(test, kept.condition.as_deref());
            // The time comes last: until then, no other request takes the values.
            lines.push((kept.place, "date".to_owned()));
            for (place, sample) in lines {
                text.line(&format!(
                    "http-request sc-set-gpt({place},{}) {sample} {answered}",
                    self.counter
                ));
            }
        }
    }

    /// Writes the section with the table.
    pub(super) fn section(&self, text: &mut Text) {
        let places: usize = self
            .groups
            .iter()
            .map(|kept| 1 + kept.places().filter(|(_, value)| value.has_place()).count())
            .sum();
        text.section(&format!("backend {}", self.name));
        text.comment("The answers that HAProxy keeps: when it asked, and the values.");
        text.line(&format!(
            "stick-table type {} size {ENTRIES} expire {}s store gpt({places})",
            self.kind, self.seconds
        ));
    }
}

impl Kept {
    /// Returns the values with their places in an entry.
    fn places(&self) -> impl Iterator<Item = (usize, &Value)> {
        let mut next = self.place;
        self.values.iter().map(move |value| {
            if value.has_place() {
                next += 1;
            }
            (next, value)
        })
    }
}

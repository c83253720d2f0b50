//! The decision which answers HAProxy keeps for a while, so that it does not ask again.

use super::options::{Fail, Refusal};
use super::plan::{Plan, Planned, Proof};
use super::table::{Declared, Kept, Table, TableValue};
use crate::{Action, Message, Presence, Variable};
use spoa_facts::{Event, Expression, Kind};

/// The counters through which rules reach an entry, the least used first. HAProxy has three of them
/// (`tune.stick-counters`).
const COUNTERS: [u8; 3] = [2, 1, 0];

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

/// Returns the values that are kept for a group; `None` for a group that is sent each time.
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
fn sign(plan: &Plan<'_>, planned: &Planned<'_>) -> Option<TableValue> {
    match &planned.proof {
        Proof::Sign(sign) if plan.options.fail == Fail::Closed && sign.asked.is_some() => {
            Some(TableValue::Sign(sign.variable.clone()))
        }
        _ => None,
    }
}

/// Returns the messages that are sent each time, with the reason, and notes about the others.
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
fn values(plan: &Plan<'_>, message: &Message) -> Result<Vec<TableValue>, String> {
    let mut values = Vec::new();
    for verdict in &message.verdicts {
        if let Some(header) = verdict.headers.first() {
            return Err(format!(
                "its verdict sets the variable `{}` for a header, and a table keeps numbers only",
                header.variable
            ));
        }
        let mut outcomes = verdict.outcomes.iter();
        let with_data = outcomes.find(|it| has_text(it.action));
        if let Some(outcome) = with_data {
            return Err(format!(
                "its verdict can be `{}`, which has a text, and a table keeps numbers only",
                outcome.action.name()
            ));
        }
        values.push(TableValue::Verdict {
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
        // A failure is not kept.
        let fails = variable.presence == Presence::Failure;
        if fails || message.verdicts.iter().any(|it| it.owns(variable)) {
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

/// Returns whether an action comes with a text: a location, a body, or the token of a challenge.
fn has_text(action: Action) -> bool {
    matches!(
        action,
        Action::Redirect | Action::Respond | Action::Challenge
    )
}

fn value(plan: &Plan<'_>, variable: &Variable) -> Result<TableValue, String> {
    let name = format!("{}.{}", variable.scope, variable.name);
    match variable.presence {
        Presence::Always => {}
        Presence::Sometimes | Presence::Failure => {
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
        return Err(format!(
            "`{name}` already holds for all requests, because it is in the scope `proc`"
        ));
    }
    let whole = plan.variable(variable);
    match variable.rust_type.as_deref() {
        Some("bool") => Ok(TableValue::Flag(whole)),
        Some("u8" | "u16" | "u32") => Ok(TableValue::Number(whole)),
        other => Err(format!(
            "`{name}` is `{}`, and a table keeps `bool`, `u8`, `u16` and `u32` only",
            other.unwrap_or("of a type that is not known")
        )),
    }
}

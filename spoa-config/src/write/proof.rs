//! What `--fail closed` asks for, message by message.
//!
//! A rule may ask for a variable only if each success of the handler sets it and nothing else does.
//! Where there is none, the agent is asked for a sign of success.

use super::plan::{Asked, ERROR, Guard, Plan, Planned};
use super::{Fail, Warning};
use crate::{Message, Presence, Variable};
use spoa_facts::{Event, MAX_VARIABLE};

/// Decides it for all messages.
pub(super) fn decide(plan: &mut Plan<'_>) {
    let mut signs: Vec<String> = Vec::new();
    let mut guards = Vec::new();
    for planned in &plan.messages {
        let guard = guard(plan, planned, &mut signs);
        guards.push(guard);
    }
    for (planned, guard) in plan.messages.iter_mut().zip(guards) {
        planned.guard = guard;
    }
    if plan.options.fail == Fail::Open {
        return;
    }
    let missing = plan
        .messages
        .iter()
        .filter_map(|planned| match &planned.guard {
            Guard::Missing(why) => Some(Warning {
                location: Some(planned.message.location.clone()),
                text: format!(
                    "message `{}` is not protected by `--fail closed`: {why}",
                    planned.message.name
                ),
            }),
            Guard::Rule(_) => None,
        });
    let missing: Vec<_> = missing.collect();
    plan.warnings.extend(missing);
}

fn guard(plan: &Plan<'_>, planned: &Planned<'_>, signs: &mut Vec<String>) -> Guard {
    let message = planned.message;
    let verdicts = &plan.options.verdicts;
    let named = |it: &Variable| verdicts.contains(&format!("{}.{}", it.scope, it.name));
    if !verdicts.is_empty() && !message.variables.iter().any(named) {
        return Guard::Missing("`--verdict` names none of its variables".to_owned());
    }
    let late = match late(plan, planned) {
        Ok(late) => late,
        Err(why) => return Guard::Missing(why),
    };
    let chosen = |it: &&Variable| verdicts.is_empty() || named(it);
    let mut variables = message.variables.iter().filter(chosen);
    let asked = match variables.find(|it| is_sure(plan, message, it, late)) {
        Some(sure) => Asked {
            variable: plan.variable(sure),
            sign: None,
            late,
        },
        None => {
            let sign = sign(plan, message, signs);
            let asked = Asked {
                variable: format!("txn.{}.{sign}", plan.prefix),
                sign: Some(format!("txn.{sign}")),
                late,
            };
            signs.push(sign);
            asked
        }
    };
    let mut groups = plan.groups.iter();
    let by_rules = groups.find(|it| it.by_rules && planned.group.as_deref() == Some(&it.name));
    match by_rules {
        Some(group) if !asks(plan, &asked.variable) => {
            let rules = if late {
                "http-response"
            } else {
                "http-request"
            };
            Guard::Missing(format!(
                "a rule of `--rules` sends its group `{}`: after that rule, and with its condition, write \
                 `{rules} deny deny_status 503 if !{{ var({}) -m found }}`",
                group.name, asked.variable
            ))
        }
        _ => Guard::Rule(asked),
    }
}

/// Whether the site's own rules ask whether a variable is set.
fn asks(plan: &Plan<'_>, variable: &str) -> bool {
    let variable = format!("var({variable})");
    let mut rules = plan.rules();
    rules.any(|words| {
        let mut places = words.windows(3);
        places.any(|words| words == [variable.as_str(), "-m", "found"])
    })
}

/// Whether the answer is there for rules about the response only; why there is none in time.
fn late(plan: &Plan<'_>, planned: &Planned<'_>) -> Result<bool, String> {
    match planned.event {
        Some("on-client-session" | "on-frontend-tcp-request" | "on-frontend-http-request") => {
            Ok(false)
        }
        Some("on-http-response") => Ok(true),
        Some(event) => Err(format!(
            "it is sent at `{event}`, after the rules of the frontend"
        )),
        None => {
            let mut groups = plan.groups.iter();
            let group = groups.find(|it| planned.group.as_deref() == Some(&it.name));
            Ok(group.is_some_and(|group| group.earliest == Event::HttpResponse))
        }
    }
}

/// Whether a variable is there on each success of the handler, and then only.
fn is_sure(plan: &Plan<'_>, message: &Message, variable: &Variable, late: bool) -> bool {
    // Those of a session may be there since an earlier request.
    let scopes = ["txn", if late { "res" } else { "req" }];
    let mut others = plan
        .agent
        .messages
        .iter()
        .filter(|it| it.name != message.name);
    let is_same = |it: &Variable| (&it.scope, &it.name) == (&variable.scope, &variable.name);
    variable.presence == Presence::Always
        && scopes.contains(&variable.scope.as_str())
        && variable.name != ERROR
        && plan.variable(variable).len() <= MAX_VARIABLE
        && !others.any(|other| other.variables.iter().any(is_same))
}

/// The name of a sign of success, which no other variable has.
fn sign(plan: &Plan<'_>, message: &Message, signs: &[String]) -> String {
    let name = message.name.chars();
    let name = name.map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let long = format!("answered_{}", name.collect::<String>());
    let mut variables = plan.agent.messages.iter().flat_map(|it| &it.variables);
    let fits = format!("txn.{}.{long}", plan.prefix).len() <= MAX_VARIABLE;
    if fits && !signs.contains(&long) && variables.all(|it| it.name != long) {
        return long;
    }
    format!("answered_{}", signs.len() + 1)
}

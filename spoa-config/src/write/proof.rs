//! The proof of an answer that `--fail closed` asks for, message by message.
//!
//! A rule may ask for a variable only if each success of the handler sets it and nothing else does.
//! Without such a variable, the message asks the agent for a sign of success.

use super::configuration::Warning;
use super::options::Fail;
use super::plan::{ERROR, Plan, Planned, Proof, Side, Sign};
use crate::{Message, Presence, Variable};
use spoa_facts::MAX_VARIABLE;

/// Decides about the proofs of all messages.
pub(super) fn decide(plan: &mut Plan<'_>) {
    let mut names: Vec<String> = Vec::new();
    let mut proofs = Vec::new();
    for planned in &plan.messages {
        let proof = proof(plan, planned, &mut names);
        proofs.push(proof);
    }
    for (planned, proof) in plan.messages.iter_mut().zip(proofs) {
        planned.proof = proof;
    }
    if plan.options.fail == Fail::Open {
        return;
    }
    let missing = plan
        .messages
        .iter()
        .filter_map(|planned| match &planned.proof {
            Proof::Missing(why) => Some(Warning {
                location: Some(planned.message.location.clone()),
                text: format!(
                    "message `{}` is not protected by `--fail closed`: {why}",
                    planned.message.name
                ),
            }),
            Proof::Sign(_) => None,
        });
    let missing: Vec<_> = missing.collect();
    plan.warnings.extend(missing);
}

fn proof(plan: &Plan<'_>, planned: &Planned<'_>, names: &mut Vec<String>) -> Proof {
    let message = planned.message;
    let verdicts = &plan.options.verdicts;
    let named = |it: &Variable| verdicts.contains(&format!("{}.{}", it.scope, it.name));
    if !verdicts.is_empty() && !message.variables.iter().any(named) {
        return Proof::Missing("`--verdict` names none of its variables".to_owned());
    }
    let side = match side(plan, planned) {
        Ok(side) => side,
        Err(why) => return Proof::Missing(why),
    };
    let chosen = |it: &&Variable| verdicts.is_empty() || named(it);
    let mut variables = message.variables.iter().filter(chosen);
    let sign = match variables.find(|it| is_sure(plan, message, it, side)) {
        Some(sure) => Sign {
            variable: plan.variable(sure),
            asked: None,
            side,
        },
        None => {
            let name = name(plan, message, names);
            let sign = Sign {
                variable: format!("txn.{}.{name}", plan.prefix),
                asked: Some(format!("txn.{name}")),
                side,
            };
            names.push(name);
            sign
        }
    };
    match plan.group(planned).filter(|group| group.by_rules) {
        Some(group) if !asks(plan, &sign.variable) => Proof::Missing(format!(
            "a rule of `--rules` sends its group `{}`: after that rule, and with its condition, write \
             `{} deny deny_status 503 if !{{ var({}) -m found }}`",
            group.name,
            side.rules(),
            sign.variable
        )),
        _ => Proof::Sign(sign),
    }
}

/// Returns whether the site's own rules ask whether a variable is set.
fn asks(plan: &Plan<'_>, variable: &str) -> bool {
    let variable = format!("var({variable})");
    let mut rules = plan.rules();
    rules.any(|words| {
        let mut places = words.windows(3);
        places.any(|words| words == [variable.as_str(), "-m", "found"])
    })
}

/// Returns the rules that come after the answer, or the reason why no written rule does.
fn side(plan: &Plan<'_>, planned: &Planned<'_>) -> Result<Side, String> {
    match planned.event {
        Some("on-client-session" | "on-frontend-tcp-request" | "on-frontend-http-request") => {
            Ok(Side::Request)
        }
        Some(event @ ("on-backend-tcp-request" | "on-backend-http-request")) => {
            if plan.writes_servers() {
                return Ok(Side::Backend);
            }
            Err(format!(
                "it is sent at `{event}`, after the rules of the frontend"
            ))
        }
        Some(_) => Ok(Side::Response),
        None => {
            let group = plan.group(planned);
            Ok(group.map_or(Side::Request, |group| plan.side_of_group(&group.name)))
        }
    }
}

/// Returns whether each success of the handler sets a variable, and nothing else does.
fn is_sure(plan: &Plan<'_>, message: &Message, variable: &Variable, side: Side) -> bool {
    // Those of a session may be there since an earlier request.
    let scopes = match side {
        Side::Response => ["txn", "res"],
        Side::Request | Side::Backend => ["txn", "req"],
    };
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

/// Returns a name for a sign of success, which no other variable has.
fn name(plan: &Plan<'_>, message: &Message, taken: &[String]) -> String {
    let name = message.name.chars();
    let name = name.map(|c| if c.is_ascii_alphanumeric() { c } else { '_' });
    let long = format!("answered_{}", name.collect::<String>());
    let mut variables = plan.agent.messages.iter().flat_map(|it| &it.variables);
    let fits = format!("txn.{}.{long}", plan.prefix).len() <= MAX_VARIABLE;
    if fits && !taken.contains(&long) && variables.all(|it| it.name != long) {
        return long;
    }
    format!("answered_{}", taken.len() + 1)
}

//! The rules for requests without an answer: those that deny them, or a comment on how to.

use super::condition::{self, TestAndOpposite};
use super::options::Fail;
use super::plan::{ERROR, Plan, Planned, Proof, Side, Sign};
use super::text::Text;

/// Writes the rules of the frontend.
///
/// Rules for backends are comments, unless the backend of the servers is in the file, too.
pub(super) fn lines(plan: &Plan<'_>, with_servers: bool, text: &mut Text) {
    match plan.options.fail {
        Fail::Closed => closed(plan, with_servers, text),
        Fail::Open => open(plan, text),
    }
}

/// Writes the rules for the backend of the servers.
pub(super) fn backend_lines(plan: &Plan<'_>, text: &mut Text) {
    let rules = match plan.options.fail {
        Fail::Closed => denials(plan, true),
        Fail::Open => Vec::new(),
    };
    if rules.is_empty() {
        return;
    }
    text.comment(
        "Fail closed for messages at an event of backends: each backend needs these rules.",
    );
    for rule in rules {
        text.line(&rule);
    }
}

/// Returns the rules of the frontend, or those for backends.
fn denials(plan: &Plan<'_>, of_backend: bool) -> Vec<String> {
    let mut rules: Vec<String> = Vec::new();
    for planned in &plan.messages {
        let Proof::Sign(sign) = &planned.proof else {
            continue;
        };
        let group = plan.group(planned);
        // The site's own rules ask for such a group.
        if group.is_some_and(|group| group.by_rules) || (sign.side == Side::Backend) != of_backend {
            continue;
        }
        let rule = denial(plan, planned, sign);
        if !rules.contains(&rule) {
            rules.push(rule);
        }
    }
    rules
}

fn denial(plan: &Plan<'_>, planned: &Planned<'_>, sign: &Sign) -> String {
    let found = format!("{{ var({}) -m found }}", sign.variable);
    let test = TestAndOpposite {
        holds: &format!("!{found}"),
        fails: &found,
    };
    let sent = match plan.group(planned) {
        Some(group) => group.condition,
        None => planned.message.condition.as_deref(),
    };
    format!(
        "{} deny deny_status 503 {}",
        sign.side.rules(),
        condition::with(test, sent)
    )
}

fn closed(plan: &Plan<'_>, with_servers: bool, text: &mut Text) {
    let rules = denials(plan, false);
    if !rules.is_empty() {
        text.comment(&format!(
            "Fail closed: denies requests that the agent has not judged. Only a handler that succeeds sets the \
             variable that a rule tests. It is missing if the handler failed or was late, if HAProxy got no \
             answer (txn.{}.{ERROR} has the reason), and if no agent was up.",
            plan.prefix
        ));
    }
    for rule in rules {
        text.line(&rule);
    }
    let of_backends = denials(plan, true);
    if !of_backends.is_empty() && !with_servers {
        text.comment("Write these rules into each backend:");
        for rule in of_backends {
            text.commented_line(&rule);
        }
    }
    for planned in &plan.messages {
        if let Proof::Missing(why) = &planned.proof {
            text.comment(&format!(
                "Not protected: message `{}`: {why}.",
                planned.message.name
            ));
        }
    }
}

fn open(plan: &Plan<'_>, text: &mut Text) {
    if plan.options.rules.is_some() {
        // The site's own rules decide.
        return;
    }
    let signs = plan
        .messages
        .iter()
        .filter_map(|planned| match &planned.proof {
            Proof::Sign(sign) => Some(sign),
            Proof::Missing(_) => None,
        });
    let signs: Vec<_> = signs.collect();
    if signs.is_empty() {
        return;
    }
    let why = "Fail open: a variable that is not set matches nothing, so a request passes that the agent has \
               not judged.";
    let plain = signs
        .iter()
        .find(|sign| sign.asked.is_none() && sign.side == Side::Request);
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

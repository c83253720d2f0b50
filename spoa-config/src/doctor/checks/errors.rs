//! Agents without `option set-on-error` or `option continue-on-error`.

use super::super::engine::{Engine, Moment};
use super::super::{Case, Code, Finding};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(continue_on_error(case, engine));
        if engine.option("set-on-error").is_none() {
            let title = format!(
                "no variable says when the agent `{}` does not answer",
                engine.agent.title()
            );
            findings.push(
                Finding::new(Code::SetOnError, title, engine.span())
                    .label("a missing answer looks like an agent that found nothing")
                    .help(format!(
                        "write `option set-on-error error`: `{}` then says why",
                        engine.variable("txn", "error")
                    )),
            );
        }
    }
}

fn continue_on_error(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let mut moments: Vec<&str> = Vec::new();
    for message in engine.messages() {
        for moment in engine.moments(message, case.rules) {
            let name = match moment {
                Moment::Event(event) => &event.text,
                Moment::Rule(rule) => &rule.group.text,
            };
            if !moments.contains(&name.as_str()) {
                moments.push(name);
            }
        }
    }
    if moments.len() < 2 || engine.option("continue-on-error").is_some() {
        return None;
    }
    let title = format!(
        "after one error HAProxy does not ask the agent `{}` again",
        engine.agent.title()
    );
    Some(
        Finding::new(Code::ContinueOnError, title, engine.span())
            .label(format!("sends {}", spoa_facts::all_of(&moments)))
            .note("without an answer to the first, the others are not sent for this transaction")
            .help("write `option continue-on-error`"),
    )
}

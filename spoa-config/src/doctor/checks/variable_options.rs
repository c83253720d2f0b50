//! Options that take the name of a variable, and were given a word that sounds like a choice.

use super::super::engine::Engine;
use super::super::variables::mentions;
use super::super::{Case, Code, Finding};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(named_like_a_choice(case, engine));
    }
}

/// Words that look like a choice after `option set-on-error`, which takes the name of a variable.
const CHOICES: [&str; 20] = [
    "0", "1", "accept", "allow", "block", "close", "closed", "continue", "deny", "disabled",
    "enabled", "false", "ignore", "no", "off", "on", "open", "pass", "true", "yes",
];

fn named_like_a_choice(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    for option in ["set-on-error", "set-process-time", "set-total-time"] {
        let Some(word) = engine.option(option).and_then(|line| line.words.get(2)) else {
            continue;
        };
        let variable = engine.variable("txn", &word.text);
        let mut mentions = mentions(case.configuration).into_iter();
        let read = mentions.any(|mention| mention.variable == variable);
        if read || !word.known || !CHOICES.contains(&word.text.to_ascii_lowercase().as_str()) {
            continue;
        }
        let name = match option {
            "set-on-error" => "error",
            "set-process-time" => "process_time",
            _ => "total_time",
        };
        let of_handler = engine
            .messages()
            .filter_map(|message| case.handler(message.title()))
            .flat_map(|handler| &handler.variables)
            .any(|it| it.scope == "txn" && it.name == name);
        let name = if of_handler {
            format!("spoe_{name}")
        } else {
            name.to_owned()
        };
        let title = format!(
            "`option {option} {}` names a variable, and has no other effect",
            word.text
        );
        return Some(
            Finding::new(Code::OptionChoosesNothing, title, word.span)
                .label(format!("sets `{variable}`"))
                .note("streams always go on after an error: only a rule can deny them")
                .help(format!("write `option {option} {name}`")),
        );
    }
    None
}

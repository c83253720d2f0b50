//! A boolean of which rules only ask whether it is set.

use super::value_kind::ValueKind;
use crate::Presence;
use crate::doctor::engine::Engine;
use crate::doctor::variables::{is_meant_unread, loads_lua, mentions};
use crate::doctor::{Case, Code, Finding, Severity};

/// Finds the only variable of a handler, a boolean that each success sets, of which is never asked more than
/// whether it is set: then `false` is as good as `true`.
pub(super) fn only_found(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    if loads_lua(case.configuration) {
        return None;
    }
    let messages = engine.messages();
    let mut handlers =
        messages.filter_map(|message| Some((message, case.handler(message.title())?)));
    handlers.find_map(|(message, handler)| {
        let [variable] = handler.variables.as_slice() else {
            return None;
        };
        // A message may name a variable itself, as a sign of success: all of it is that it is set.
        let named = format!("({}.{})", variable.scope, variable.name);
        let mut words = message.lines.iter().flat_map(|line| &line.words);
        if words.any(|word| word.text.contains(&named)) {
            return None;
        }
        let boolean = ValueKind::of(variable.rust_type.as_deref()) == ValueKind::Bool;
        if !boolean || variable.presence != Presence::Always {
            return None;
        }
        let name = engine.variable(&variable.scope, &variable.name);
        if is_meant_unread(case, &name) {
            return None;
        }
        let mut asked = None;
        let mentions = mentions(case.configuration);
        let mut mentions = mentions.iter().filter(|it| it.variable == name);
        let found = mentions.all(|mention| {
            let words = mention.line.words.iter();
            let mut after = words
                .skip_while(|word| word.span != mention.word.span)
                .skip(1);
            let found = after.next().is_some_and(|word| word.is("-m"))
                && after.next().is_some_and(|word| word.is("found"))
                && mention.word.text == format!("var({name})");
            asked = asked.or(Some(mention.span));
            found
        });
        let span = asked.filter(|_| found)?;
        let title = format!("no rule looks at the value of `{name}`");
        Some(
            Finding::new(Code::ConditionUnmeant, title, span)
                .severity(Severity::Warning)
                .label("`false` is found as well")
                .note(format!(
                    "`{}` sets only this variable, each time it succeeds",
                    handler.function
                ))
                .help(format!("write `var({name}) -m bool`")),
        )
    })
}

//! The variables that handlers set, and where the configuration names them.

use super::Case;
use super::engine::Engine;
use super::rule::{self, Mention};
use crate::read::Configuration;
use crate::{UNREAD, Variable};

/// Returns all names of variables, and words that only look like one.
pub(super) fn mentions(configuration: &Configuration) -> Vec<Mention<'_>> {
    let spoe = configuration.spoe.iter().flat_map(|file| &file.sections);
    let sections = configuration.sections.iter().chain(spoe);
    let lines = sections.flat_map(|section| &section.lines);
    lines.flat_map(rule::mentions).collect()
}

/// Returns whether scripts are loaded, which set and read variables too.
pub(super) fn loads_lua(configuration: &Configuration) -> bool {
    configuration.sections.iter().any(|section| {
        let global = section.kind() == "global";
        section.lines.iter().any(|line| {
            // HAProxy loads scripts in `global` only. A rule that runs one says that another file loads it.
            let loads = global && line.word(0).starts_with("lua-load");
            loads || line.words.iter().any(|word| runs_lua(&word.text))
        })
    })
}

/// Returns whether a word is an action, a sample fetch or a converter of a script: `lua.NAME`.
fn runs_lua(word: &str) -> bool {
    let mut found = word.match_indices("lua.").map(|(at, _)| at);
    found.any(|at| {
        let before = word.get(..at).and_then(|it| it.chars().next_back());
        before.is_none_or(|before| matches!(before, '[' | ',' | '=' | '"'))
    })
}

/// A variable that a handler of an engine's message sets.
pub(super) struct SetVariable<'a> {
    pub(super) variable: &'a Variable,
    pub(super) name: String,
}

pub(super) fn of_agent<'a>(case: &Case<'a>, engine: &Engine<'a>) -> Vec<SetVariable<'a>> {
    let handlers = engine
        .messages()
        .filter_map(|message| case.handler(message.title()));
    let mut set: Vec<SetVariable<'_>> = Vec::new();
    for variable in handlers.flat_map(|handler| &handler.variables) {
        let name = engine.variable(&variable.scope, &variable.name);
        if set.iter().all(|other| other.name != name) {
            set.push(SetVariable { variable, name });
        }
    }
    set
}

/// Returns whether a comment says that no rule is to look at a variable: `# Unread so far: NAME`.
pub(super) fn is_meant_unread(case: &Case<'_>, variable: &str) -> bool {
    let mut lines = case
        .configuration
        .sources
        .iter()
        .flat_map(|it| it.text.lines());
    lines.any(|line| {
        let comment = line.trim().strip_prefix('#');
        let named = comment.and_then(|comment| comment.trim().strip_prefix(UNREAD));
        named.is_some_and(|named| named.split_whitespace().any(|name| name == variable))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::tests::read;

    #[test]
    fn scripts_are_recognised_by_lines_that_load_or_run_them() {
        for (text, loads) in [
            ("global\n lua-load x.lua", true),
            ("global\n lua-load-per-thread x.lua", true),
            ("frontend f\n http-request lua.check if TRUE", true),
            ("frontend f\n http-request set-var(txn.a) lua.fetch", true),
            (
                "frontend f\n http-request set-var(txn.a) path,lua.convert",
                true,
            ),
            ("frontend f\n http-request set-header a %[lua.fetch]", true),
            // HAProxy does not take it here.
            ("defaults\n lua-load x.lua", false),
            ("global\n lua-prepend-path /x", false),
            ("frontend f\n http-request set-var(txn.lua.a) path", false),
            (
                "frontend f\n http-request deny if { path /x/lua.html }",
                false,
            ),
        ] {
            assert_eq!(loads_lua(&read(text)), loads, "{text}");
        }
    }
}

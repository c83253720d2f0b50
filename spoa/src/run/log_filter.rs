//! The filter of the log: a level, and `TARGET=LEVEL` for parts.

use crate::log_target::{AGENT, ALL, CONNECTION};
use spoa_facts::{nearest, one_of};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;

/// The levels, by their names on the command line.
const LEVELS: [(&str, LevelFilter); 6] = [
    ("off", LevelFilter::OFF),
    ("error", LevelFilter::ERROR),
    ("warn", LevelFilter::WARN),
    ("info", LevelFilter::INFO),
    ("debug", LevelFilter::DEBUG),
    ("trace", LevelFilter::TRACE),
];

/// Returns whether the target of a line is shown: a line about the agent or a connection names its subject.
pub(super) fn is_shown(target: &str) -> bool {
    ![AGENT, CONNECTION].contains(&target)
}

/// Reads a filter. A bare word is a level. `tracing` would take it as a target, so that a misspelt level
/// silences everything.
pub(super) fn read(text: &str) -> Result<Targets, String> {
    let parts = text.split(',').map(str::trim);
    parts.into_iter().try_fold(Targets::new(), |targets, part| {
        Ok(match part.split_once('=') {
            Some((target, word)) => {
                check(target)?;
                targets.with_target(target, level(word)?)
            }
            None if is_target(part) => {
                return Err(format!(
                    "`{part}` is not a level: write `{part}=trace`, or another level"
                ));
            }
            None => targets.with_default(level(part).map_err(|problem| {
                if is_word(part) {
                    format!("{problem}, or `{part}=info` if it is a target")
                } else {
                    problem
                }
            })?),
        })
    })
}

fn level(word: &str) -> Result<LevelFilter, String> {
    let known = || LEVELS.iter().map(|(name, _)| *name);
    let found = LEVELS
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case(word));
    match found {
        Some((_, level)) => Ok(*level),
        None if word.is_empty() => Err(format!("the level is missing: write {}", one_of(known()))),
        None => {
            let lower = word.to_ascii_lowercase();
            let is_word = is_word(word);
            // `err` and `warning` are further from the levels than typing errors are.
            let longer =
                |name: &&str| is_word && (lower.starts_with(name) || name.starts_with(&lower));
            // `foo` is near `off`, but does not mean it.
            let first = lower.chars().next();
            let near = nearest(word, known());
            let near = near.filter(|near| {
                first.is_some_and(|first| near.starts_with(first)) || near.contains(&*lower)
            });
            let meant = known().find(longer).or(near);
            let meant = meant.map_or_else(|| one_of(known()), |meant| format!("`{meant}`"));
            Err(format!("`{word}` is not a level: write {meant}"))
        }
    }
}

/// Returns whether a text is one word.
fn is_word(text: &str) -> bool {
    !text.is_empty() && text.chars().all(char::is_alphabetic)
}

/// Returns whether a word looks like a target.
fn is_target(word: &str) -> bool {
    word.contains("::") || ALL.contains(&word)
}

/// Refuses targets of the agent that no line has. Targets of the program are not known.
fn check(target: &str) -> Result<(), String> {
    if target.is_empty() {
        return Err("the target is missing: write for instance `spoa=info`".to_owned());
    }
    if ALL.contains(&target) || !target.starts_with("spoa::") {
        return Ok(());
    }
    let meant = nearest(target, ALL);
    let meant = meant.map_or_else(|| one_of(ALL), |meant| format!("`{meant}`"));
    Err(format!("no line has the target `{target}`: write {meant}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log_target::{FAILURES, VALUES};
    use tracing::Level;

    #[test]
    fn a_level_applies_to_its_target_and_a_bare_level_to_the_rest() {
        let targets = read("Warn, spoa::values=trace,spoa::failures=off").unwrap();
        for (target, level, expected) in [
            ("my_agent", Level::WARN, true),
            ("my_agent", Level::INFO, false),
            (VALUES, Level::TRACE, true),
            (FAILURES, Level::ERROR, false),
            (AGENT, Level::INFO, false),
        ] {
            assert_eq!(
                targets.would_enable(target, &level),
                expected,
                "{target} {level}"
            );
        }
    }

    #[test]
    fn targets_are_shown_where_the_text_does_not_name_them() {
        for (target, shown) in [
            (VALUES, true),
            (FAILURES, true),
            ("my_agent::db", true),
            (AGENT, false),
            (CONNECTION, false),
        ] {
            assert_eq!(is_shown(target), shown, "{target}");
        }
    }
}

//! The prefix of the agent's variables: whether HAProxy accepts it, and whether rules use it.

use super::super::engine::Engine;
use super::super::rule::{How, Mention};
use super::super::variables::{SetVariable, loads_lua, mentions, of_agent};
use super::super::{Case, Code, Finding};
use super::{listed_spans, some};
use crate::read::{Span, Word};
use spoa_facts::{is_in_variable, is_variable};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mentions = mentions(case.configuration);
    for engine in &case.engines {
        let set = if engine.ours {
            of_agent(case, engine)
        } else {
            Vec::new()
        };
        let broken = broken(case, engine, &set);
        match invalid(engine, &broken) {
            Some(finding) => findings.push(finding),
            None => findings.extend(unparsed(engine, &broken)),
        }
        if engine.ours && is_variable(engine.prefix().0) && !loads_lua(case.configuration) {
            findings.extend(differs(case, engine, &set, &mentions));
        }
    }
}

/// Returns the prefix that HAProxy accepts and that is most similar.
fn valid(prefix: &str) -> String {
    let chars = prefix.chars();
    chars
        .map(|c| if is_in_variable(c) { c } else { '_' })
        .collect()
}

/// A prefix that HAProxy refuses.
fn invalid(engine: &Engine<'_>, broken: &[Broken]) -> Option<Finding> {
    let (stated, span, known) = engine.stated();
    if is_variable(stated) || !known {
        return None;
    }
    let title = format!("`{stated}` is not a valid prefix for the agent's variables");
    let prefix = match engine.used {
        Some(used) => used.to_owned(),
        None => valid(stated),
    };
    let finding = Finding::new(Code::PrefixInvalid, title, span)
        .label("only letters, digits, `_` and `.` are allowed")
        .help(format!("write `option var-prefix {prefix}`"));
    let finding = match engine.option("var-prefix") {
        Some(_) => finding,
        None => finding.note("without `option var-prefix`, the agent's name is the prefix"),
    };
    Some(with_names(finding, broken))
}

/// A name of a variable that HAProxy cannot read.
pub(super) struct Broken {
    span: Span,
    /// The name as it is.
    name: String,
    /// The name to write.
    pub(super) meant: String,
}

/// Returns the names in rules that mean one of the agent's variables and cannot be read.
pub(super) fn broken(case: &Case<'_>, engine: &Engine<'_>, set: &[SetVariable<'_>]) -> Vec<Broken> {
    let mut found = Vec::new();
    let prefix = if is_variable(engine.prefix().0) {
        engine.prefix().0.to_owned()
    } else {
        valid(engine.prefix().0)
    };
    let sections = case.configuration.sections.iter();
    let words = sections
        .flat_map(|section| &section.lines)
        .flat_map(|line| &line.words);
    for word in words.filter(|word| word.known) {
        for (name, span) in names(word) {
            let Some((scope, rest)) = name.split_once('.') else {
                continue;
            };
            let Some((before, last)) = rest.rsplit_once('.') else {
                continue;
            };
            let ours = set.iter().any(|set| set.variable.name == last)
                || engine.own().any(|own| own.text == last);
            if is_variable(rest) || !ours || valid(before) != valid(&prefix) {
                continue;
            }
            found.push(Broken {
                span,
                name: name.to_owned(),
                meant: format!("{scope}.{prefix}.{last}"),
            });
        }
    }
    found
}

/// Returns the names in `var(…)` and similar functions of a word.
fn names(word: &Word) -> impl Iterator<Item = (&str, Span)> {
    word.text.match_indices("var(").filter_map(|(at, by)| {
        let start = at + by.len();
        let rest = word.text.get(start..)?;
        let length = rest.find([',', ')'])?;
        Some((rest.get(..length)?, word.part(start..start + length)))
    })
}

/// Names that HAProxy cannot read, where the prefix itself is sound.
fn unparsed(engine: &Engine<'_>, broken: &[Broken]) -> Option<Finding> {
    let first = broken.first()?;
    let title = format!("HAProxy does not accept the name `{}`", first.name);
    let (prefix, at) = engine.prefix();
    let finding = Finding::new(Code::PrefixInvalid, title, first.span)
        .label("only letters, digits, `_` and `.` are allowed")
        .context(at, format!("the prefix is `{prefix}`"));
    let others = broken.get(1..).unwrap_or_default();
    let finding = listed_spans(finding, others.iter().map(|it| it.span));
    Some(finding.help(format!("write {}", meant(broken))))
}

fn with_names(finding: Finding, broken: &[Broken]) -> Finding {
    if broken.is_empty() {
        return finding;
    }
    let finding = listed_spans(finding, broken.iter().map(|it| it.span));
    finding.help(format!("write {} in the rules", meant(broken)))
}

fn meant(broken: &[Broken]) -> String {
    some(broken.iter().map(|it| format!("var({})", it.meant)))
}

/// A line, where in it a variable is read, and which one of the agent's is meant.
type Place = (Span, Span, String);

/// Finds rules that read the agent's variables with a wrong prefix or without one: one finding for each prefix.
fn differs(
    case: &Case<'_>,
    engine: &Engine<'_>,
    set: &[SetVariable<'_>],
    mentions: &[Mention<'_>],
) -> Vec<Finding> {
    let mut wrong: Vec<(String, Vec<Place>)> = Vec::new();
    for mention in mentions {
        let Some((prefix, meant)) = elsewhere(case, set, mention, mentions) else {
            continue;
        };
        let place = (mention.line.span(), mention.span, meant);
        match wrong.iter_mut().find(|(known, _)| *known == prefix) {
            Some((_, places)) => places.push(place),
            None => wrong.push((prefix, vec![place])),
        }
    }
    let (right, at) = engine.prefix();
    let right_is_read = mentions.iter().any(|mention| {
        let rest = mention.variable.split_once('.').map(|(_, rest)| rest);
        rest.is_some_and(|rest| rest.starts_with(&format!("{right}.")))
    });
    let finding = |(prefix, mut places): (String, Vec<Place>)| {
        let names = some(places.iter().map(|(_, _, meant)| format!("var({meant})")));
        // A line often has a name twice.
        places.dedup_by_key(|(line, _, _)| *line);
        let (first, others) = places.split_first()?;
        let title = match prefix.as_str() {
            "" => format!("the agent's variables have the prefix `{right}`, which is missing here"),
            prefix => format!("the agent's variables have the prefix `{right}`, not `{prefix}`"),
        };
        let finding = Finding::new(Code::PrefixDiffers, title, first.1)
            .label("never set")
            .context(at, "the prefix");
        let finding = listed_spans(finding, others.iter().map(|(_, span, _)| *span));
        // If all rules agree, the prefix itself may be wrong.
        let other = !right_is_read && is_variable(&prefix);
        Some(if other {
            finding.help(format!("write `option var-prefix {prefix}`, or {names}"))
        } else {
            finding.help(format!("write {names}"))
        })
    };
    wrong.into_iter().filter_map(finding).collect()
}

/// Returns the wrong prefix of a name that means one of the agent's variables, and that variable.
fn elsewhere(
    case: &Case<'_>,
    set: &[SetVariable<'_>],
    mention: &Mention<'_>,
    mentions: &[Mention<'_>],
) -> Option<(String, String)> {
    let variable = mention.variable.as_str();
    let sets = |other: &Mention<'_>| other.how == How::Set && other.variable == variable;
    if mention.how != How::Read
        || set.iter().any(|set| set.name == variable)
        || mentions.iter().any(sets)
    {
        return None;
    }
    let (scope, full) = variable.split_once('.')?;
    let under = |prefix: &str| {
        let rest = full.strip_prefix(prefix);
        rest.is_some_and(|rest| rest.starts_with('.'))
    };
    if case.engines.iter().any(|other| under(other.prefix().0)) {
        return None;
    }
    // The rest of a name that HAProxy cannot read is not one.
    let whole = mention.word.text.split(variable).nth(1)?;
    if !whole.starts_with([')', ',']) {
        return None;
    }
    let meant = set.iter().find_map(|set| {
        let before = full.strip_suffix(&set.variable.name)?;
        let part = before.is_empty() || before.ends_with('.');
        (set.variable.scope == scope && part).then_some((before, &set.name))
    })?;
    Some((meant.0.trim_end_matches('.').to_owned(), meant.1.clone()))
}

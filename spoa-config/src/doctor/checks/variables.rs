//! Variables: what the agent sets against what the configuration reads.

use super::super::engine::Engine;
use super::super::rule::{End, How, Mention};
use super::super::variables::{SetVariable, is_meant_unread, loads_lua, mentions, of_agent};
use super::super::{Case, Code, Finding, Severity};
use super::listed_spans;
use super::prefix::broken;
use crate::Variable;
use crate::read::Line;
use spoa_facts::{MAX_VARIABLE, all_of, is_variable, nearest};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mentions = mentions(case.configuration);
    for engine in case.ours() {
        let set = of_agent(case, engine);
        // No rule can read by a prefix that HAProxy refuses.
        if !is_variable(engine.prefix().0) {
            continue;
        }
        // Engines of one prefix set variables for each other's rules.
        let prefix = engine.prefix().0;
        let same = case.ours().filter(|other| other.prefix().0 == prefix);
        let shared: Vec<_> = same.flat_map(|other| of_agent(case, other)).collect();
        let mut said: Vec<&str> = Vec::new();
        for mention in &mentions {
            if said.contains(&mention.variable.as_str()) {
                continue;
            }
            if let Some(finding) = read(case, engine, &shared, mention, &mentions) {
                // One finding for all places of a name; one line has a name often twice.
                let lines = mentions.iter().filter(|it| it.variable == mention.variable);
                let mut lines: Vec<_> = lines.map(|it| (it.line.span(), it.span)).collect();
                lines.dedup_by_key(|(line, _)| *line);
                let others: Vec<_> = lines.into_iter().map(|(_, span)| span).skip(1).collect();
                findings.push(listed_spans(finding, others.into_iter()));
                said.push(&mention.variable);
            }
        }
        let replaced = unset(case, engine, &shared, &mentions, findings);
        let broken = broken(case, engine, &set);
        // If a rule reads a similar name, that rule is reported instead.
        let meant: Vec<_> = set
            .iter()
            .filter(|set| broken.iter().all(|it| it.meant != set.name))
            .filter(|set| !replaced.contains(&set.name))
            .collect();
        let every = meant.len() == set.len();
        unread(case, engine, &meant, &mentions, every, findings);
        for variable in &set {
            findings.extend(too_long(engine, variable));
        }
        findings.extend(taken_twice(engine, &set));
    }
}

/// Returns whether a variable belongs to a verdict.
fn of_verdict(case: &Case<'_>, engine: &Engine<'_>, variable: &Variable) -> bool {
    let handlers = engine
        .messages()
        .filter_map(|message| case.handler(message.title()));
    let mut verdicts = handlers.flat_map(|handler| &handler.verdicts);
    verdicts.any(|verdict| verdict.owns(variable))
}

/// Finds a variable that is read, but never set under that name.
fn read(
    case: &Case<'_>,
    engine: &Engine<'_>,
    set: &[SetVariable<'_>],
    mention: &Mention<'_>,
    mentions: &[Mention<'_>],
) -> Option<Finding> {
    let variable = mention.variable.as_str();
    let sets = |other: &Mention<'_>| other.how == How::Set && other.variable == variable;
    // The handlers of another agent are not known.
    let prefix = engine.prefix().0;
    let mut same = case.engines.iter().filter(|it| it.prefix().0 == prefix);
    if mention.how != How::Read
        || !case.is_known
        || set.iter().any(|set| set.name == variable)
        || mentions.iter().any(sets)
        || case.is_own(variable)
        || same.any(|it| !it.ours)
    {
        return None;
    }
    let (_, full) = variable.split_once('.')?;
    let (prefix, _) = engine.prefix();
    let inside = full
        .strip_prefix(prefix)
        .and_then(|rest| rest.strip_prefix('.'));
    let name = inside?;
    if engine
        .listed("register-var-names")
        .any(|word| word.text == name)
    {
        return None;
    }
    let elsewhere = set.iter().find(|set| set.variable.name == name);
    let names = set.iter().map(|set| set.variable.name.as_str());
    let own = engine.own().map(|word| word.text.as_str());
    let near = nearest(name, names.chain(own));
    let title = format!("nothing sets `{variable}`");
    let finding = Finding::new(Code::VariableUnset, title, mention.span).label("never set");
    if let Some(elsewhere) = elsewhere {
        return Some(finding.help(format!(
            "write `var({})`: the agent sets it in the scope `{}`",
            elsewhere.name, elsewhere.variable.scope
        )));
    }
    if let Some(near) = near {
        let scope = set
            .iter()
            .find(|set| set.variable.name == near)
            .map_or("txn", |set| set.variable.scope.as_str());
        return Some(finding.help(format!("write `var({})`", engine.variable(scope, near))));
    }
    // The variables of `on_failure`, and those named at run time, are not known.
    None
}

/// Variables under the agent's prefix that nothing can set. Returns the names of those that the agent
/// sets in their place.
fn unset(
    case: &Case<'_>,
    engine: &Engine<'_>,
    set: &[SetVariable<'_>],
    mentions: &[Mention<'_>],
    findings: &mut Vec<Finding>,
) -> Vec<String> {
    let mut replaced = Vec::new();
    if !all_known(case, engine) {
        return replaced;
    }
    let mut said: Vec<&str> = Vec::new();
    for mention in mentions {
        let variable = mention.variable.as_str();
        let Some((scope, name)) = engine.inside(variable) else {
            continue;
        };
        let other = |other: &Mention<'_>| other.how != How::Read && other.variable == variable;
        let registered = engine
            .listed("register-var-names")
            .any(|word| word.text == name);
        let known = set.iter().any(|set| set.name == variable)
            || engine
                .own()
                .any(|word| engine.variable("txn", &word.text) == variable);
        // A misspelt name has a finding of its own; the command line sets `proc`, too.
        let near = set.iter().any(|set| set.variable.name == name)
            || nearest(
                name,
                set.iter()
                    .map(|set| set.variable.name.as_str())
                    .chain(engine.own().map(|word| word.text.as_str())),
            )
            .is_some();
        if mention.how != How::Read
            || scope == "proc"
            || known
            || near
            || registered
            || said.contains(&variable)
            || mentions.iter().any(other)
        {
            continue;
        }
        said.push(variable);
        let decides = decides(case, variable);
        let title = format!("nothing sets `{variable}`");
        let mut finding = Finding::new(Code::VariableUnset, title, mention.span).label("never set");
        finding = match decides {
            Some((line, true)) => finding
                .severity(Severity::Error)
                .context(line.span(), "denies everybody"),
            Some((line, false)) => finding.context(line.span(), "denies nobody"),
            None => finding,
        };
        let lines = mentions.iter().filter(|other| {
            other.variable == variable
                && other.line.span() != mention.line.span()
                && decides.is_none_or(|(line, _)| !std::ptr::eq(line, other.line))
        });
        let mut lines: Vec<_> = lines.collect();
        lines.dedup_by_key(|other| other.line.span());
        for other in lines {
            finding = finding.context(other.span, "and read here");
        }
        let unread: Vec<_> = set
            .iter()
            .filter(|set| mentions.iter().all(|mention| mention.variable != set.name))
            .map(|set| set.name.clone())
            .collect();
        findings.push(match unread.as_slice() {
            [] => finding.help("remove the rules that read it, or set it in a handler"),
            names => finding.help(format!(
                "read {} instead, which the agent sets and nothing reads",
                spoa_facts::one_of(names)
            )),
        });
        replaced.extend(unread);
    }
    replaced
}

/// Returns whether all that sets variables under an engine's prefix is known.
fn all_known(case: &Case<'_>, engine: &Engine<'_>) -> bool {
    let prefix = engine.prefix().0;
    let mut same = case.engines.iter().filter(|it| it.prefix().0 == prefix);
    let all = same.all(|engine| {
        engine.ours
            && engine.messages().all(|message| {
                let handler = case.handler(message.title());
                handler.is_some_and(|handler| handler.complete)
            })
    });
    all && !loads_lua(case.configuration)
}

/// A rule that denies by a variable alone, and whether it does so if the variable is not set.
fn decides<'a>(case: &Case<'a>, variable: &str) -> Option<(&'a Line, bool)> {
    let steps = case.paths.iter().flat_map(|path| &path.steps);
    let mut denying = steps.filter(|step| step.end == End::All);
    denying.find_map(|step| {
        let condition = step.condition.as_ref()?;
        let mut terms = condition.terms();
        let (term, None) = (terms.next()?, terms.next()) else {
            return None;
        };
        let [test] = term.tests.as_slice() else {
            return None;
        };
        // A test of a variable that is not set never holds.
        let of_this = test.variable() == Some(variable);
        of_this.then_some((step.line, term.negated != condition.unless()))
    })
}

/// Finds variables that are set and never read.
fn unread(
    case: &Case<'_>,
    engine: &Engine<'_>,
    set: &[&SetVariable<'_>],
    mentions: &[Mention<'_>],
    every: bool,
    findings: &mut Vec<Finding>,
) {
    // Other readers are not in the configuration.
    let lua = loads_lua(case.configuration);
    let unread: Vec<_> = set
        .iter()
        .copied()
        .filter(|set| mentions.iter().all(|mention| mention.variable != set.name))
        .filter(|set| !is_meant_unread(case, &set.name))
        // If a rule reads it with another prefix or in another scope, that rule is reported instead.
        .filter(|set| {
            let name = &set.variable.name;
            mentions.iter().all(|mention| {
                mention.how != How::Read
                    || !(mention.variable.ends_with(&format!(".{name}"))
                        || mention.variable.rsplit('.').next().is_some_and(|read| {
                            nearest(read, [name.as_str()]).is_some()
                                && mention.variable.contains(engine.prefix().0)
                        }))
            })
        })
        .collect();
    // Whether a verdict is enforced is another check's.
    let unread = unread
        .into_iter()
        .filter(|set| !of_verdict(case, engine, set.variable));
    let named = |set: &&SetVariable<'_>| {
        let mut names = engine.listed("register-var-names");
        names.any(|word| word.text == set.variable.name)
    };
    let (proc, others): (Vec<_>, Vec<_>) = unread
        .filter(|set| !named(set))
        .partition(|set| set.variable.scope == "proc");
    if !proc.is_empty() && engine.option("force-set-var").is_none() {
        let names: Vec<_> = proc.iter().map(|set| set.name.as_str()).collect();
        let short: Vec<_> = proc.iter().map(|set| set.variable.name.as_str()).collect();
        let title = format!(
            "HAProxy drops {}: no line of its configuration has the name",
            all_of(&names)
        );
        findings.push(
            Finding::new(Code::VariableUnread, title, engine.span())
                .severity(Severity::Warning)
                .label("set by a handler of this agent")
                .note("HAProxy accepts a variable of `proc` only if its configuration has the name")
                .help(format!("write `register-var-names {}`", short.join(" "))),
        );
    }
    if !others.is_empty() && !lua {
        let names: Vec<_> = others.iter().map(|set| set.name.as_str()).collect();
        // An agent whose answers are all unused was not added for that.
        let all = every && names.len() == set.len();
        let (title, severity) = if all {
            (
                format!("nothing reads the agent's answers: {}", all_of(&names)),
                Severity::Warning,
            )
        } else {
            (format!("nothing reads {}", all_of(&names)), Severity::Note)
        };
        findings.push(
            Finding::new(Code::VariableUnread, title, engine.span())
                .severity(severity)
                .label(if all {
                    "set, but never read"
                } else {
                    "set by a handler of this agent"
                })
                .help(format!("read it: `var({})`", names.first().unwrap_or(&""))),
        );
    }
}

fn too_long(engine: &Engine<'_>, set: &SetVariable<'_>) -> Option<Finding> {
    if set.name.len() <= MAX_VARIABLE {
        return None;
    }
    let (prefix, span) = engine.prefix();
    let title = format!("HAProxy drops `{}`: the name is too long", set.name);
    Some(
        Finding::new(Code::NameTooLong, title, span)
            .label(format!(
                "with this prefix it has {} characters, and the limit is {MAX_VARIABLE}",
                set.name.len()
            ))
            .help(format!(
                "write a prefix of at most {} characters, or give the variable a shorter name",
                (MAX_VARIABLE + prefix.len()).saturating_sub(set.name.len())
            )),
    )
}

fn taken_twice(engine: &Engine<'_>, set: &[SetVariable<'_>]) -> Option<Finding> {
    let word = engine.own().find(|word| {
        let name = engine.variable("txn", &word.text);
        set.iter().any(|set| set.name == name)
    })?;
    let title = format!(
        "HAProxy and the agent both set `{}`",
        engine.variable("txn", &word.text)
    );
    Some(
        Finding::new(Code::NameTakenTwice, title, word.span)
            .label("a handler also sets a variable of this name")
            .help("write another name here, such as `spoe_error`"),
    )
}

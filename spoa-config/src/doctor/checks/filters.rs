//! From a filter to its scope in its file.

use super::super::engine::{scope, sections};
use super::super::{Case, Code, Finding, Severity};
use super::listed_spans;
use crate::read::{Filter, Found, Span, SpoeFile, Word};
use spoa_facts::{all_of, nearest};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let all = &case.configuration.filters;
    for (index, filter) in all.iter().enumerate() {
        // Several filters that name the same file share one fault.
        let same = |other: &&Filter| {
            let text = |filter: &Filter| filter.config.as_ref().map(|it| it.text.clone());
            let lost = matches!(
                other.file,
                Found::Nowhere(_) | Found::Unset(_) | Found::Uncertain(_)
            );
            lost && other.file == filter.file && text(other) == text(filter)
        };
        if all.iter().take(index).any(|other| same(&other)) {
            continue;
        }
        let others: Vec<_> = all.iter().skip(index + 1).filter(same).collect();
        let spans = others.iter().filter_map(|other| other.config.as_ref());
        let spans: Vec<_> = spans.map(|config| config.span).collect();
        let finding = of_filter(case, filter);
        findings.extend(finding.map(|it| listed_spans(it, spans.into_iter())));
    }
    findings.extend(no_filter(case));
    let filters = &case.configuration.filters;
    for (index, file) in case.configuration.spoe.iter().enumerate() {
        if filters
            .iter()
            .all(|filter| filter.file.file() != Some(index))
        {
            findings.extend(unread(case, file));
        }
    }
}

/// Finds a configuration without a SPOE filter. A SPOE file that no filter reads is reported instead.
fn no_filter(case: &Case<'_>) -> Option<Finding> {
    let configuration = case.configuration;
    if !configuration.filters.is_empty() || !configuration.spoe.is_empty() {
        return None;
    }
    let mut sections = configuration.sections.iter();
    let front = sections.find(|section| matches!(section.kind(), "frontend" | "listen"));
    let section = front.or(configuration.sections.first());
    let nowhere = Span {
        source: 0,
        start: 0,
        end: 0,
    };
    // The section it is in may be the one that is misspelt.
    if !configuration.stray.is_empty() {
        return None;
    }
    let title = "this configuration sends no messages to an agent";
    let span = section.map_or(nowhere, |section| section.head.span());
    Some(
        Finding::new(Code::FilterMissing, title, span)
            .label("no `filter spoe` here or in any other section")
            .help("write `filter spoe engine NAME config FILE`; `config` prints all of it"),
    )
}

fn of_filter(case: &Case<'_>, filter: &Filter) -> Option<Finding> {
    let Some(config) = &filter.config else {
        let title = "this filter names no SPOE file";
        return Some(
            Finding::new(Code::FileUnnamed, title, filter.line.span())
                .label("`config FILE` is missing")
                .help("write `config /etc/haproxy/spoe.conf` at its end"),
        );
    };
    if let Some(inner) = sample(case, config) {
        let title = "`config` of a filter takes a path, and this is a sample expression";
        return Some(
            Finding::new(Code::FileMissing, title, config.span)
                .label("HAProxy looks for a file of this name")
                .help(format!("write `config {inner}`")),
        );
    }
    match &filter.file {
        Found::Unnamed => None,
        Found::Unset(names) => {
            let title = format!("this path needs {}, which is not set here", all_of(names));
            Some(
                Finding::new(Code::FileMissing, title, config.span)
                    .severity(Severity::Warning)
                    .label("not read, so its messages are not known")
                    .help(format!(
                        "set {} to the value that HAProxy gets, or give the path of the SPOE file on the command line, after haproxy.cfg",
                        all_of(names)
                    )),
            )
        }
        Found::Uncertain(names) => {
            let title = format!(
                "this path needs {}, whose value is not certain",
                all_of(names)
            );
            Some(
                Finding::new(Code::FileMissing, title, config.span)
                    .severity(Severity::Warning)
                    .label("not read, so its messages are not known")
                    .note(
                        "it depends on a condition that `doctor` does not evaluate, or on `-W`: without it, HAProxy from 3.1 on reads `global` twice",
                    )
                    .help("give the path of the SPOE file on the command line, after haproxy.cfg"),
            )
        }
        Found::Nowhere(looked) => {
            let title = format!("there is no SPOE file `{}`", config.text);
            let finding = Finding::new(Code::FileMissing, title, config.span).label("not found");
            let elsewhere = looked
                .iter()
                .any(|path| path.to_string_lossy() != config.text);
            let looked: Vec<_> = looked.iter().map(|path| path.to_string_lossy()).collect();
            let finding = if elsewhere {
                finding.note(format!("looked for {}", all_of(&looked)))
            } else {
                finding
            };
            Some(match &filter.beside {
                Some(beside) => finding.help(format!(
                    "if you mean `{}`, give that path on the command line, after haproxy.cfg, or write `config PATH` with the path where HAProxy finds the file",
                    beside.display()
                )),
                None => finding.help("write `config PATH` with the full path of the file; if the file is elsewhere on this machine, give its path on the command line, after haproxy.cfg"),
            })
        }
        Found::There(file) => of_scope(case, filter, case.configuration.spoe.get(*file)?),
        Found::Beside(file, directory) => {
            let file = case.configuration.spoe.get(*file)?;
            of_scope(case, filter, file).or_else(|| {
                let directory = directory.to_string_lossy();
                let title = "HAProxy finds this file only if it is started in one directory";
                Some(
                    Finding::new(Code::FileBeside, title, config.span)
                        .label(format!(
                            "found in `{directory}`, but HAProxy looks where it is started"
                        ))
                        .help("write its full path, or `default-path config` in `global`"),
                )
            })
        }
    }
}

/// Returns the text in the parentheses of `str(…)`, if the path is such an expression.
fn sample<'c>(case: &'c Case<'_>, config: &Word) -> Option<&'c str> {
    let source = case.configuration.sources.get(config.span.source)?;
    let raw = source.text.get(config.span.start..config.span.end)?;
    raw.strip_prefix("str(")?.strip_suffix(')')
}

fn of_scope(case: &Case<'_>, filter: &Filter, file: &SpoeFile) -> Option<Finding> {
    let config = filter.config.as_ref()?;
    let scopes: Vec<_> = file
        .scopes
        .iter()
        .map(|scope| scope.name.as_str())
        .collect();
    let wanted = scope(filter);
    // Which one HAProxy's environment names is not known here.
    if filter.engine.as_ref().is_some_and(|engine| !engine.known) {
        return None;
    }
    let found = wanted.is_none_or(|wanted| scopes.contains(&wanted));
    if found && sections(file, wanted).any(|it| it.kind() == "spoe-agent") {
        return None;
    }
    let name = case.configuration.sources.get(file.source)?;
    let name = name.path.to_string_lossy();
    let Some(wanted) = wanted else {
        // A file without an agent, or one with everything in scopes.
        let finding = match file.scopes.first() {
            None => Finding::new(
                Code::AgentMissing,
                format!("`{name}` has no `spoe-agent`"),
                config.span,
            )
            .label("no messages there")
            .help("write a section `spoe-agent NAME` there"),
            Some(first) => Finding::new(
                Code::ScopeMissing,
                format!("this filter names no engine, and all of `{name}` is in scopes"),
                filter.line.span(),
            )
            .label("`engine NAME` is missing")
            .context(first.span, "a scope")
            .help(format!("write `engine {}`", first.name)),
        };
        return Some(finding);
    };
    let engine = filter.engine.as_ref()?;
    if found {
        let mut scopes = file.scopes.iter();
        let scope = scopes.find(|scope| scope.name == wanted)?;
        let title = format!("the scope `[{wanted}]` has no `spoe-agent`");
        return Some(
            Finding::new(Code::AgentMissing, title, scope.span)
                .label("no messages here")
                .context(engine.span, "named here")
                .help("write a section `spoe-agent NAME` below it"),
        );
    }
    let title = format!("`{name}` has no scope `[{wanted}]`");
    let finding = Finding::new(Code::ScopeMissing, title, engine.span);
    let near = match scopes.as_slice() {
        [only] => Some(*only),
        several => nearest(wanted, several.iter().copied()),
    };
    Some(match near {
        Some(near) => {
            let mut scopes = file.scopes.iter();
            let scope = scopes.find(|scope| scope.name == near)?;
            finding
                .label("no scope has this name")
                .context(scope.span, "you may mean this one")
                .help(format!(
                    "write `engine {near}`, or `[{wanted}]` in `{name}`"
                ))
        }
        None if scopes.is_empty() => finding.label("the file has no scopes").help(format!(
            "write `[{wanted}]` at the top of `{name}`, or leave `engine {wanted}` out"
        )),
        None => finding
            .label("no scope has this name")
            .note(format!("there are {}", all_of(&scopes)))
            .help("name one of them"),
    })
}

fn unread(case: &Case<'_>, file: &SpoeFile) -> Option<Finding> {
    // A filter whose path is not known may read it, and so may one before the first section.
    let mut filters = case.configuration.filters.iter();
    let unset = filters.any(|filter| matches!(filter.file, Found::Unset(_) | Found::Uncertain(_)));
    if unset || !case.configuration.stray.is_empty() {
        return None;
    }
    let name = case.configuration.sources.get(file.source)?;
    let name = name.path.to_string_lossy();
    let section = file.sections.iter().find(|it| it.kind() == "spoe-agent");
    let (engine, span) = match (section, file.scopes.first()) {
        (Some(section), _) => (section.scope.as_deref(), section.head.span()),
        (None, Some(scope)) => (Some(scope.name.as_str()), scope.span),
        (None, None) => return None,
    };
    let engine = engine.map_or(String::new(), |engine| format!("engine {engine} "));
    let title = format!("no filter reads `{name}`");
    Some(
        Finding::new(Code::FileUnread, title, span)
            .label("never used")
            .help(format!(
                "write `filter spoe {engine}config {name}` in the frontend whose traffic the agent should see"
            )),
    )
}

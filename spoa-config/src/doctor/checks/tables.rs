//! Stick-tables and frontends that samples in SPOE files name, and that are not there.

use super::super::{Case, Code, Finding};
use super::references::samples;
use crate::Series;
use crate::read::{Section, Word};
use spoa_facts::{Call, Expression, converters, fetches, nearest};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        let Some(section) = case.configuration.sections.get(engine.filter.proxy) else {
            continue;
        };
        let lines = engine.messages().flat_map(|message| &message.lines);
        for word in lines.flat_map(samples) {
            findings.extend(of_word(case, section, word));
        }
    }
}

fn of_word(case: &Case<'_>, proxy: &Section, word: &Word) -> Option<Finding> {
    let start = word.text.find('=').map_or(0, |at| at + 1);
    let text = word.text.get(start..).filter(|_| word.known)?;
    let expression = Expression::parse(text).ok()?;
    let newest = *Series::ALL.last()?;
    let fetch = expression.fetch();
    let of_fetch = fetches(newest).find(|it| it.name == fetch.name);
    let of_converters = expression.converters().iter().map(|call| {
        let found = converters(newest).find(|it| it.name == call.name);
        (call, found)
    });
    let mut calls = std::iter::once((fetch, of_fetch)).chain(of_converters);
    calls.find_map(|(call, keyword)| {
        let (title, help) = match keyword?.signature {
            "table" => of_table(case, proxy, call, true)?,
            "[table]" => of_table(case, proxy, call, false)?,
            "frontend" => of_frontend(case, proxy, call)?,
            _ => return None,
        };
        let span = word.part(start + call.range.start..start + call.range.end);
        let finding = Finding::new(Code::BackendOfSample, title, span)
            .label("HAProxy does not start")
            .note("HAProxy says only `parsing [(null):0]`, without the file and the line");
        let finding = match named(call) {
            Some(_) => finding,
            None => finding.context(proxy.head.span(), "the proxy it is in"),
        };
        Some(finding.help(help))
    })
}

/// Returns the first argument, if it is not empty.
fn named(call: &Call) -> Option<&str> {
    let first = call.arguments.as_ref()?.first()?;
    Some(first.text.as_str()).filter(|text| !text.is_empty())
}

/// Returns what is wrong with the table of a sample, and a remedy.
fn of_table(
    case: &Case<'_>,
    proxy: &Section,
    call: &Call,
    needed: bool,
) -> Option<(String, String)> {
    let sections = &case.configuration.sections;
    let has_table = |section: &Section| {
        // A line that only some HAProxies read may be one.
        section
            .lines
            .iter()
            .any(|line| line.begins(&["stick-table"]) || !line.certain)
    };
    let Call { name, .. } = call;
    let tables = sections.iter().filter(|section| has_table(section));
    let tables = tables.map(Section::title).filter(|title| !title.is_empty());
    let Some(table) = named(call) else {
        if !needed || has_table(proxy) {
            return None;
        }
        let mut tables = tables;
        return Some((
            format!("`{name}` names no stick-table, and its proxy has none"),
            match tables.next() {
                Some(table) => format!("write `{name}({table})`"),
                None => "write the name of a section with a `stick-table` in parentheses after it"
                    .to_owned(),
            },
        ));
    };
    // `PEERS/TABLE` is a table of a section of peers.
    let title = table.split('/').next().unwrap_or(table);
    let there =
        |section: &Section| section.title() == title && (has_table(section) || table != title);
    if sections.iter().any(there) {
        return None;
    }
    Some((
        format!("`{name}` names the stick-table `{table}`, which does not exist"),
        match nearest(table, tables) {
            Some(near) => format!("write `{name}({near})`"),
            None => format!(
                "write a `stick-table` into the section `{table}`, or the name of a section that has one"
            ),
        },
    ))
}

/// Returns what is wrong with the frontend of a sample, and a remedy.
fn of_frontend(case: &Case<'_>, proxy: &Section, call: &Call) -> Option<(String, String)> {
    let accepts = |section: &&Section| matches!(section.kind(), "frontend" | "listen");
    let sections = case.configuration.sections.iter();
    let mut frontends = sections.filter(accepts).map(Section::title);
    let Call { name, .. } = call;
    let Some(frontend) = named(call) else {
        if accepts(&proxy) {
            return None;
        }
        return Some((
            format!("`{name}` names no frontend, and a backend has no connections of clients"),
            match frontends.next() {
                Some(frontend) => format!("write `{name}({frontend})`"),
                None => "write the name of a frontend in parentheses after it".to_owned(),
            },
        ));
    };
    let frontends: Vec<_> = frontends.collect();
    if frontends.contains(&frontend) {
        return None;
    }
    let near = nearest(frontend, frontends.iter().copied())?;
    Some((
        format!("`{name}` names the frontend `{frontend}`, which does not exist"),
        format!("write `{name}({near})`"),
    ))
}

//! The words of a filter, and of the rules that send groups.

use super::condition::condition;
use super::refused::Refused;
use crate::doctor::grammar::{ACTION, RULES, sends};
use crate::doctor::{Code, Finding};
use crate::read::{Line, Word, asks_agent};
use spoa_facts::nearest;

/// A line `filter spoe`.
pub(super) fn of_filter(line: &Line) -> Option<Refused> {
    let mut words = line.after(2).iter();
    while let Some(word) = words.next() {
        if !word.known {
            return None;
        }
        let keyword = ["config", "engine"].contains(&word.text.as_str());
        if !keyword {
            return Some(Refused {
                title: format!("`filter spoe` does not take `{}`", word.text),
                span: word.span,
                label: "neither `engine NAME` nor `config FILE`".to_owned(),
                help: match nearest(&word.text, ["config", "engine"]) {
                    Some(near) => format!("write `{near}`"),
                    None => "remove it".to_owned(),
                },
            });
        }
        if words.next().is_none() && word.text == "engine" {
            let help = "write `engine NAME`, or remove `engine`".to_owned();
            return Some(Refused {
                title: "`engine` lacks a name".to_owned(),
                span: word.span,
                label: "a name is missing".to_owned(),
                help,
            });
        }
    }
    None
}

/// The rules that can send groups.
const SENDING: [&[&str]; 4] = [
    &["http-request"],
    &["http-response"],
    &["tcp-request", "content"],
    &["tcp-response", "content"],
];

fn is_rule(line: &Line) -> bool {
    RULES.contains(&line.word(0))
}

/// A rule with `send-spoe-group`.
pub(super) fn of_rule<'a>(
    line: &Line,
    http: bool,
    acls: impl Fn() -> Vec<&'a str>,
) -> Option<Refused> {
    let at = line.words.iter().position(|word| word.is(ACTION))?;
    let before: Vec<_> = line
        .words
        .get(..at)?
        .iter()
        .map(|word| word.text.as_str())
        .collect();
    if !is_rule(line) || at > 2 {
        return None;
    }
    let action = line.words.get(at)?;
    if !SENDING.contains(&before.as_slice()) {
        return Some(Refused {
            title: format!("`{}` cannot send groups", before.join(" ")),
            span: action.span,
            label: "HAProxy refuses this".to_owned(),
            help: match before.first() {
                Some(&"http-after-response") => "write `http-response`".to_owned(),
                Some(&"tcp-response") if http => "write `http-response`".to_owned(),
                Some(&"tcp-response") => "write `tcp-response content`".to_owned(),
                Some(&"tcp-request") if !http => "write `tcp-request content`".to_owned(),
                _ => "write `http-request`".to_owned(),
            },
        });
    }
    let arguments = line.after(at + 1);
    let conditional = |word: &&Word| word.is("if") || word.is("unless");
    let end = arguments.iter().position(|word| conditional(&word));
    let count = end.unwrap_or(arguments.len());
    if arguments.iter().any(|word| !word.known) {
        return None;
    }
    if count < 2 {
        let help = format!("write `{} {ACTION} ENGINE GROUP`", before.join(" "));
        return Some(Refused {
            title: "`send-spoe-group` takes the name of an engine and the name of a group"
                .to_owned(),
            span: action.span,
            label: "a name is missing".to_owned(),
            help,
        });
    }
    let Some(third) = arguments.get(2).filter(|_| count > 2) else {
        let after = arguments.get(end? + 1..)?;
        return condition(after, &acls(), "in this section");
    };
    Some(Refused {
        title: "`send-spoe-group` takes two names, then `if` or `unless`".to_owned(),
        span: third.span,
        label: "HAProxy refuses this".to_owned(),
        help: match nearest(&third.text, ["if", "unless"]) {
            Some(near) => format!("write `{near}`"),
            None => "remove it".to_owned(),
        },
    })
}

/// A misspelt `send-spoe-group` or `filter spoe`.
pub(super) fn misspelt(line: &Line) -> Option<Finding> {
    let refused = |word: &Word, meant: &str| {
        Finding::new(
            Code::KeywordRefused,
            format!("HAProxy does not know `{}` here", word.text),
            word.span,
        )
        .label("HAProxy refuses this")
        .help(format!("write `{meant}`"))
    };
    let named = line.words.iter().position(|word| word.is(ACTION));
    if let Some(at @ 0..=2) = named.filter(|_| !is_rule(line)) {
        let first = line.words.first().filter(|word| word.known)?;
        return Some(match at {
            0 => refused(first, "http-request send-spoe-group"),
            _ if first.is("no") => refused(first, line.word(1)),
            _ => refused(first, nearest(&first.text, RULES).unwrap_or("http-request")),
        });
    }
    if is_rule(line) {
        let word = line
            .words
            .get(sends(line)?)
            .filter(|word| !word.is(ACTION))?;
        return Some(refused(word, ACTION));
    }
    if !asks_agent(line) {
        return None;
    }
    let (filter, spoe) = (line.words.first()?, line.words.get(1)?);
    match (filter.is("filter"), spoe.is("spoe")) {
        (false, _) => Some(refused(filter, "filter")),
        (true, false) => Some(refused(spoe, "spoe")),
        (true, true) => None,
    }
}

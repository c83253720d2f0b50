//! Lines of a SPOE file that are not what their section takes.

use super::super::engine::{scope, sections};
use super::super::grammar::{OF_AGENTS, continued, keyword, keywords, means, meant};
use super::super::{Case, Code, Finding, Severity};
use crate::read::{Line, SECTIONS, Section};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for filter in &case.configuration.filters {
        let file = filter.file.file();
        let Some(file) = file.and_then(|file| case.configuration.spoe.get(file)) else {
            continue;
        };
        for section in sections(file, scope(filter)) {
            of_section(section, findings);
            findings.extend(of_log(section));
            if section.kind() == "spoe-message" {
                findings.extend(replaced(section));
            }
        }
    }
}

/// Finds an agent for which HAProxy logs every message.
fn of_log(agent: &Section) -> Option<Finding> {
    if agent.kind() != "spoe-agent" {
        return None;
    }
    let mut lines = agent.lines.iter();
    let log = lines.find(|line| means(line, &["log"]))?;
    let quiet = |line: &Line| {
        let option = ["option", "dontlog-normal"];
        means(line, &option) || means(line, &["no", option[0], option[1]])
    };
    if agent.lines.iter().any(quiet) {
        return None;
    }
    let title = format!(
        "HAProxy logs a line for each message to `{}`",
        agent.title()
    );
    Some(
        Finding::new(Code::LogOfEach, title, log.span())
            .label("even for messages that were answered")
            .help("write `option dontlog-normal`, or `no option dontlog-normal` if you want that"),
    )
}

/// Why a line has no place in its section.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Why {
    /// A comment as other programs write it.
    Comment,
    /// A section of haproxy.cfg, with its lines.
    Section,
    /// A keyword of another section of this file.
    Of(&'static str),
    /// It follows a line that ends in a backslash.
    Continues,
    /// An unknown word.
    Stranger,
}

fn of_section(section: &Section, findings: &mut Vec<Finding>) {
    let mut run: Vec<(&Line, Why)> = Vec::new();
    let mut of_haproxy = false;
    let mut before: Option<&Line> = None;
    for line in &section.lines {
        let continues = before.is_some_and(continued);
        let why = match why(section.kind(), line) {
            _ if of_haproxy => Some(Why::Section),
            Some(Why::Section) => {
                of_haproxy = true;
                Some(Why::Section)
            }
            _ if continues => Some(Why::Continues),
            why => why,
        };
        if let (Some(Why::Continues), Some(before), true) = (why, before, run.is_empty()) {
            // The backslash is the fault, wherever its line is.
            run.push((before, Why::Continues));
        }
        before = Some(line);
        match why {
            Some(why) => run.push((line, why)),
            None => {
                findings.extend(of_run(section, &run));
                run.clear();
                findings.extend(misspelt(section, line));
            }
        }
    }
    if let (Some(last), true) = (before.filter(|line| continued(line)), run.is_empty()) {
        run.push((last, Why::Continues));
    }
    findings.extend(of_run(section, &run));
}

/// Returns why a line does not belong in its section; `None` if it does, or if it is misspelt.
fn why(kind: &str, line: &Line) -> Option<Why> {
    // HAProxy takes `no` from the line, and looks at what follows it.
    let first = line.words.first().filter(|word| word.known)?;
    let word = match first.text.as_str() {
        "no" | "default" => line.word(1),
        word => word,
    };
    let known = keywords(kind);
    if known.contains(&word) {
        return None;
    }
    let comments = [";", "//", "--", "/*", "*/", "<!--"];
    if comments.iter().any(|comment| word.starts_with(comment)) {
        return Some(Why::Comment);
    }
    if SECTIONS.contains(&word) {
        return Some(Why::Section);
    }
    if kind != "spoe-agent" && OF_AGENTS.contains(&word) {
        return Some(Why::Of("spoe-agent"));
    }
    if kind != "spoe-message" && ["args", "acl", "event"].contains(&word) {
        return Some(Why::Of("spoe-message"));
    }
    (!known.contains(&meant(word, known))).then_some(Why::Stranger)
}

fn of_run(section: &Section, run: &[(&Line, Why)]) -> Option<Finding> {
    let (line, why) = *run.first()?;
    let message = section.kind() == "spoe-message";
    let continued = why == Why::Continues;
    let word = line.word(0);
    let title = match (continued, message) {
        (true, _) => {
            "HAProxy does not join lines: a `\\` at the end of a line does not continue it".into()
        }
        (false, true) => match run.len() {
            1 => format!(
                "HAProxy ignores a line of the message `{}`",
                section.title()
            ),
            several => format!(
                "HAProxy ignores {several} lines of the message `{}`",
                section.title()
            ),
        },
        (false, false) => format!("`{word}` is not a keyword of `{}`", section.kind()),
    };
    let code = if message || continued {
        Code::LineSwallowed
    } else {
        Code::KeywordRefused
    };
    let span = if continued {
        line.words.last()?.span
    } else {
        line.span()
    };
    let mut finding = Finding::new(code, title, span).label(label(section, line, why));
    if !message && !continued {
        finding = finding.label(format!("{}; HAProxy refuses it", label(section, line, why)));
    }
    let mut said = vec![why];
    for (line, why) in run {
        if !said.contains(why) {
            said.push(*why);
            finding = finding.context(line.span(), label(section, line, *why));
        }
    }
    for why in said {
        finding = finding.help(help(line, why));
    }
    // A backslash among arguments is not a sample, and HAProxy refuses it.
    let refused = continued && (!message || line.word(0) == "args");
    Some(if refused {
        finding.severity(Severity::Error)
    } else {
        finding
    })
}

fn label(section: &Section, line: &Line, why: Why) -> String {
    match why {
        Why::Comment => "a comment begins with `#`".to_owned(),
        Why::Section => format!(
            "`{}` is a section of haproxy.cfg, and does not belong in a SPOE file",
            line.word(0)
        ),
        Why::Of(kind) => format!("belongs to `{kind}`"),
        Why::Continues => "the line ends here".to_owned(),
        Why::Stranger => match section.kind() {
            "spoe-message" => "not `args`, `acl` or `event`".to_owned(),
            "spoe-group" => "`messages` is the only keyword".to_owned(),
            _ => "no such keyword".to_owned(),
        },
    }
}

fn help(line: &Line, why: Why) -> String {
    match why {
        Why::Comment => "begin the comment with `#`".to_owned(),
        Why::Section => "move this line and those below it to haproxy.cfg".to_owned(),
        Why::Of(kind) => format!("move the line into the section `{kind}`, or remove it"),
        Why::Continues => match line.word(0) {
            "args" => "remove the backslash, and begin the next line with `args`".to_owned(),
            _ => "remove the backslash, and write all of it on one line".to_owned(),
        },
        Why::Stranger => "remove the line".to_owned(),
    }
}

/// A line whose keyword is misspelt.
fn misspelt(section: &Section, line: &Line) -> Option<Finding> {
    let kind = section.kind();
    let at = usize::from(["no", "default"].contains(&line.word(0)));
    let word = line.words.get(at).filter(|word| word.known)?;
    let meant = meant(&word.text, keywords(kind));
    if keywords(kind).contains(&word.text.as_str()) || meant == word.text {
        return None;
    }
    let (code, title, label) = match kind {
        "spoe-message" => (
            Code::KeywordMisspelt,
            format!("`{}` is not a keyword of a message", word.text),
            "HAProxy ignores this line silently",
        ),
        _ => (
            Code::KeywordRefused,
            format!("`{}` is not a keyword of `{kind}`", word.text),
            "HAProxy refuses it",
        ),
    };
    Some(
        Finding::new(code, title, word.span)
            .label(label)
            .help(format!("write `{meant}`")),
    )
}

/// An event that a later line of the same message replaces.
fn replaced(message: &Section) -> Option<Finding> {
    let events: Vec<_> = message
        .lines
        .iter()
        .filter(|line| keyword("spoe-message", line) == "event")
        .collect();
    let (last, before) = events.split_last()?;
    let texts = |line: &Line| -> Vec<String> {
        let words = line.after(1).iter();
        words.map(|word| word.text.clone()).collect()
    };
    // Which of several branches holds is not known here.
    if events
        .iter()
        .any(|line| !line.certain || line.words.len() < 2)
    {
        return None;
    }
    let first = before.iter().find(|line| texts(line) != texts(last))?;
    let title = format!(
        "the message `{}` has several events, and only the last counts",
        message.title()
    );
    let conditional = |line: &Line| ["if", "unless"].contains(&line.word(2));
    let finding = Finding::new(Code::EventReplaced, title, first.span())
        .label("replaced by a later line")
        .context(last.span(), "the event that HAProxy uses");
    let finding = if before.iter().any(|line| conditional(line)) && !conditional(last) {
        finding.note("the condition of the earlier line holds for the later event, too")
    } else {
        finding
    };
    Some(finding.help(
        "remove this line; to send the same arguments at another event, write a second message with another name",
    ))
}

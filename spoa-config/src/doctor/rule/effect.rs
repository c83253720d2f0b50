//! The effect of one line of a proxy: the variables and headers it reads and sets, and whether it ends
//! the processing.

use super::condition::Condition;
use crate::read::{Line, Span, Word};
use spoa_facts::{Scope, is_in_variable};

/// A name of a variable in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Mention<'a> {
    /// The whole name, such as `txn.prefix.name`.
    pub(in super::super) variable: String,
    pub(in super::super) how: How,
    pub(in super::super) span: Span,
    pub(in super::super) word: &'a Word,
    pub(in super::super) line: &'a Line,
}

/// The use of a variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum How {
    /// `var(…)`.
    Read,
    /// `set-var(…)` and similar actions.
    Set,
    /// `unset-var(…)`.
    Unset,
    /// Any other: HAProxy knows the name from it. A converter such as `add(txn.x)` reads it.
    Other,
}

/// The effect of a rule on the rules after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum End {
    /// Nothing: the next rule comes.
    None,
    /// The rules of this kind end, and the processing goes on: `allow`, `accept`.
    Rules,
    /// The request is denied or answered: `deny`, `reject`, `redirect`, `return`.
    All,
}

/// The names of variables in a line, and what only looks like one.
pub(in super::super) fn mentions(line: &Line) -> Vec<Mention<'_>> {
    let mut found = Vec::new();
    for (index, word) in line.words.iter().enumerate() {
        let sets = index == 1 && line.word(0).starts_with("set-var");
        in_word(word, line, sets, &mut found);
    }
    found
}

fn in_word<'a>(word: &'a Word, line: &'a Line, sets: bool, found: &mut Vec<Mention<'a>>) {
    let text = word.text.as_str();
    let scopes = Scope::ALL.map(Scope::name).into_iter();
    for scope in scopes.chain(["check"]) {
        for (at, _) in text.match_indices(scope) {
            let (Some(before), Some(rest)) = (text.get(..at), text.get(at..)) else {
                continue;
            };
            let inside = before.ends_with(|c: char| is_in_variable(c) || c == '-');
            if inside
                || !rest
                    .get(scope.len()..)
                    .is_some_and(|rest| rest.starts_with('.'))
            {
                continue;
            }
            let length = rest.find(|c| !is_in_variable(c)).unwrap_or(rest.len());
            let by = |action: &&str| before.ends_with(*action);
            let how = if sets || ["set-var(", "set-var-fmt(", "do-resolve("].iter().any(by) {
                if before.ends_with("unset-var(") {
                    How::Unset
                } else {
                    How::Set
                }
            } else if by(&"var(") {
                How::Read
            } else {
                How::Other
            };
            found.push(Mention {
                variable: rest.get(..length).unwrap_or(rest).to_owned(),
                how,
                span: word.part(at..at + length),
                word,
                line,
            });
        }
    }
}

/// A header that a rule sets or removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Header<'a> {
    /// The word that names it; for `option forwardfor` the option.
    pub(in super::super) word: &'a Word,
    /// The name of the header.
    pub(in super::super) name: &'a str,
    /// Whether it is one of the response.
    pub(in super::super) response: bool,
    /// The change.
    pub(in super::super) change: Change,
}

/// The change that a rule makes to a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Change {
    /// The header gets this value and no other: `set-header`.
    Set,
    /// The header gets this value in addition: `add-header`, `option forwardfor`.
    Add,
    /// The header is changed if it is there: `replace-header`, `replace-value`.
    Replace,
    /// The header is removed: `del-header`.
    Delete,
}

/// The words of a rule from its action on: not those of its condition.
pub(in super::super) fn action(line: &Line) -> &[Word] {
    let keyword = match line.word(0) {
        "tcp-request" | "tcp-response" => 2,
        "http-request" | "http-response" | "http-after-response" => 1,
        _ => 0,
    };
    let words = line.after(keyword);
    let begins = |word: &Word| word.is("if") || word.is("unless");
    // The action itself comes before a condition.
    let end = words.iter().skip(1).position(begins);
    words
        .get(..end.map_or(words.len(), |end| end + 1))
        .unwrap_or_default()
}

/// The name of a rule's action: `set-var` of `set-var(txn.x)`.
pub(in super::super) fn action_name(line: &Line) -> &str {
    let name = action(line).first().map_or("", |word| word.text.as_str());
    name.split_once('(').map_or(name, |(name, _)| name)
}

/// The expression that a rule sets a variable to, if it is one word.
pub(in super::super) fn set_to(line: &Line) -> Option<&str> {
    let words = action(line);
    let one = words.len() == 2 && action_name(line) == "set-var";
    let word = words.get(1).filter(|word| one && word.known)?;
    Some(&word.text)
}

/// The header that a rule changes.
pub(in super::super) fn header(line: &Line) -> Option<Header<'_>> {
    let response = match line.word(0) {
        "http-request" => false,
        "http-response" | "http-after-response" => true,
        _ => return None,
    };
    let change = match action_name(line) {
        "set-header" => Change::Set,
        "add-header" => Change::Add,
        "replace-header" | "replace-value" => Change::Replace,
        "del-header" => Change::Delete,
        _ => return None,
    };
    let word = action(line).get(1).filter(|word| word.known)?;
    Some(Header {
        word,
        name: &word.text,
        response,
        change,
    })
}

/// Returns what a rule ends.
pub(in super::super) fn end(line: &Line) -> End {
    let actions = match line.word(0) {
        "redirect" => return End::All,
        "http-request" => &[
            "deny",
            "tarpit",
            "reject",
            "silent-drop",
            "redirect",
            "return",
            "auth",
            "use-service",
        ][..],
        "http-response" => &["deny", "redirect", "return", "silent-drop"][..],
        "tcp-request" | "tcp-response" => &["reject", "silent-drop", "close", "use-service"][..],
        _ => &[][..],
    };
    let name = action_name(line);
    if actions.contains(&name) {
        End::All
    } else if matches!(name, "allow" | "accept") {
        End::Rules
    } else {
        End::None
    }
}

impl<'a> Condition<'a> {
    /// The variables that the tests of a condition name, with those of its ACLs.
    pub(in super::super) fn mentions(&self) -> Vec<Mention<'a>> {
        let named = self.terms().filter(|term| term.name.is_some());
        let lines = named.flat_map(|term| term.tests.iter().map(|test| test.line));
        lines.flat_map(mentions).collect()
    }
}

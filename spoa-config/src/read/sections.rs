//! A file as sections, and as the scopes that SPOE files have.

use super::Span;
use super::condition::{Conditions, Holds};
use super::environment::Environment;
use super::words::{Word, words};
use crate::Series;

/// The words that begin a section, in HAProxy up to 3.5 and in SPOE files.
pub(crate) const SECTIONS: [&str; 24] = [
    "global",
    "defaults",
    "frontend",
    "backend",
    "listen",
    "acme",
    "cache",
    "crt-store",
    "fcgi-app",
    "healthcheck",
    "http-errors",
    "log-forward",
    "log-profile",
    "mailers",
    "namespace_list",
    "peers",
    "program",
    "resolvers",
    "ring",
    "traces",
    "userlist",
    "spoe-agent",
    "spoe-group",
    "spoe-message",
];

/// The words that begin a section in HAProxy Enterprise only.
pub(crate) const ENTERPRISE: [&str; 5] = [
    "botmgmt-profile",
    "dynamic-update",
    "udp-lb",
    "waf-global",
    "waf-profile",
];

/// A section.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Section {
    /// The line that begins it.
    pub head: Line,
    /// The lines below the head.
    pub lines: Vec<Line>,
    /// The scope it is in: `[name]` of a SPOE file.
    pub scope: Option<String>,
}

/// A line with at least one word.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Line {
    /// The words of the line.
    pub words: Vec<Word>,
    /// Whether HAProxy certainly reads it: not if it is under a condition that is not decided
    /// here.
    pub certain: bool,
}

/// A scope: `[name]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Scope {
    /// The name of the scope.
    pub name: String,
    /// The place of the name.
    pub span: Span,
    /// The lines between it and the first section below it.
    pub lines: Vec<Line>,
}

/// A kind of file: each has its own sections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FileKind {
    /// A file of HAProxy's own.
    Haproxy,
    /// A SPOE file.
    Spoe,
}

impl FileKind {
    /// Guesses the kind of a file from what it begins with.
    pub(super) fn of(text: &str) -> Self {
        let mut firsts = text.lines().map(str::trim_start).filter_map(|line| {
            let word = line
                .split(|c: char| c.is_ascii_whitespace() || c == '#')
                .next()?;
            (line.starts_with('[') || SECTIONS.contains(&word) || ENTERPRISE.contains(&word))
                .then_some(word)
        });
        let spoe = |word: &str| word.starts_with('[') || word.starts_with("spoe-");
        if firsts.next().is_some_and(spoe) {
            FileKind::Spoe
        } else {
            FileKind::Haproxy
        }
    }

    /// Returns whether this word begins a section in such a file.
    fn begins(self, word: &str) -> bool {
        let enterprise = self != FileKind::Spoe && ENTERPRISE.contains(&word);
        enterprise
            || SECTIONS.contains(&word) && word.starts_with("spoe-") == (self == FileKind::Spoe)
    }
}

/// One file.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) sections: Vec<Section>,
    pub(super) scopes: Vec<Scope>,
    /// Lines before the first section.
    pub(super) stray: Vec<Line>,
}

impl Section {
    /// Returns the kind of the section, such as `frontend`.
    #[must_use]
    pub fn kind(&self) -> &str {
        self.head.word(0)
    }

    /// Returns the name of the section, if it has one.
    #[must_use]
    pub fn name(&self) -> Option<&Word> {
        let name = self.head.words.get(1)?;
        // A section of defaults may name its parent only.
        (self.kind() != "defaults" || name.text != "from").then_some(name)
    }

    /// Returns the name of the section as text, empty without a name.
    #[must_use]
    pub fn title(&self) -> &str {
        self.name().map_or("", |name| name.text.as_str())
    }

    /// Returns the lines that begin with these words.
    pub fn all<'s>(&'s self, words: &'s [&str]) -> impl Iterator<Item = &'s Line> {
        self.lines.iter().filter(|line| line.begins(words))
    }
}

impl Line {
    /// One of its words as text; empty if it has not as many.
    #[must_use]
    pub fn word(&self, index: usize) -> &str {
        self.words.get(index).map_or("", |word| word.text.as_str())
    }

    /// Returns whether the line begins with these words.
    #[must_use]
    pub fn begins(&self, words: &[&str]) -> bool {
        self.words.len() >= words.len()
            && self
                .words
                .iter()
                .zip(words)
                .all(|(word, text)| word.is(text))
    }

    /// Returns the words after the first `words`.
    #[must_use]
    pub fn after(&self, words: usize) -> &[Word] {
        self.words.get(words..).unwrap_or_default()
    }

    /// Returns the place of the line, from its first word to its last.
    #[must_use]
    pub fn span(&self) -> Span {
        let first = self.words.first().map(|word| word.span);
        let last = self.words.last().map(|word| word.span);
        let first = first.unwrap_or(Span {
            source: 0,
            start: 0,
            end: 0,
        });
        Span {
            end: last.map_or(first.end, |last| last.end),
            ..first
        }
    }
}

/// Reads one file, and skips lines that are not configuration.
pub(super) fn parse(
    kind: FileKind,
    text: &str,
    source: usize,
    series: Option<Series>,
    environment: &mut Environment<'_>,
) -> Parsed {
    let mut parsed = Parsed::default();
    let mut conditions = Conditions::new(series);
    let mut scope = None;
    // A section belongs to the scope before it, and no line below the next scope to it.
    let mut below_scope = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let at = start;
        start += line.len();
        let found = scope_of(line, source, at).filter(|_| kind == FileKind::Spoe);
        if let Some(found) = found {
            scope = Some(found.name.clone());
            parsed.scopes.push(found);
            below_scope = true;
            continue;
        }
        let words = words(line, source, at, &|name| environment.get(name));
        if words.is_empty() || conditions.take(&words, environment) {
            continue;
        }
        let holds = conditions.hold();
        if holds == Holds::No {
            continue;
        }
        let in_global = parsed
            .sections
            .last()
            .is_some_and(|it| it.kind() == "global");
        if in_global {
            environment.take(&words, holds == Holds::Yes);
        }
        let begins = words
            .first()
            .is_some_and(|word| word.known && kind.begins(&word.text));
        let line = Line {
            words,
            certain: holds == Holds::Yes,
        };
        let first_of = parsed.scopes.last_mut().filter(|_| below_scope);
        if begins {
            below_scope = false;
            parsed.sections.push(Section {
                head: line,
                lines: Vec::new(),
                scope: scope.clone(),
            });
        } else if let Some(scope) = first_of {
            scope.lines.push(line);
        } else if let Some(section) = parsed.sections.last_mut() {
            section.lines.push(line);
        } else {
            parsed.stray.push(line);
        }
    }
    parsed
}

/// Returns the scope that a line begins, as HAProxy has it: nothing but a comment may follow.
fn scope_of(line: &str, source: usize, start: usize) -> Option<Scope> {
    let inner = line.trim_start().strip_prefix('[')?;
    let (name, _) = inner.split_once(']')?;
    let at = start + line.len() - inner.len();
    let span = Span {
        source,
        start: at,
        end: at + name.len(),
    };
    let name = name.to_owned();
    (!name.is_empty()).then_some(Scope {
        name,
        span,
        lines: Vec::new(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Series;

    fn read(text: &str) -> Parsed {
        let mut environment = Environment::new(&|_| None);
        let series = Some(Series::V3_2);
        parse(FileKind::of(text), text, 0, series, &mut environment)
    }

    #[test]
    fn sections_begin_at_their_words_and_end_at_the_next() {
        let text =
            "stray\nglobal\n  daemon\n\n# x\nfrontend www from d\nbind :80 # y\n mode http\n";
        let parsed = read(text);
        let sections: Vec<_> = parsed
            .sections
            .iter()
            .map(|section| (section.kind(), section.title(), section.lines.len()))
            .collect();
        assert_eq!(sections, [("global", "", 1), ("frontend", "www", 2)]);
        let stray: Vec<_> = parsed.stray.iter().map(|line| line.word(0)).collect();
        assert_eq!(stray, ["stray"]);
        let bind = &parsed.sections[1].lines[0];
        assert_eq!(
            text.get(bind.span().start..bind.span().end),
            Some("bind :80")
        );
        assert!(bind.begins(&["bind", ":80"]) && !bind.begins(&["bind", ":80", "x"]));
        assert_eq!((bind.word(1), bind.word(7)), (":80", ""));
    }

    #[test]
    fn scopes_hold_until_the_next() {
        let text = "spoe-agent a\n [one] # x\nspoe-agent b\n messages m\n[two]\nspoe-agent c\n[]\n";
        let parsed = read(text);
        let scopes: Vec<_> = parsed
            .sections
            .iter()
            .map(|section| (section.title(), section.scope.as_deref()))
            .collect();
        assert_eq!(
            scopes,
            [("a", None), ("b", Some("one")), ("c", Some("two"))]
        );
        let spans = parsed.scopes.iter().map(|scope| scope.span);
        let names: Vec<_> = spans.map(|span| text.get(span.start..span.end)).collect();
        assert_eq!(names, [Some("one"), Some("two")]);
    }

    #[test]
    fn a_section_begins_only_at_a_word_of_its_kind_of_file() {
        let spoe = read("spoe-message m\nargs ip=src\nbackend b\nserver s :1\n");
        let lines: Vec<_> = spoe.sections[0].lines.iter().map(|it| it.word(0)).collect();
        assert_eq!(lines, ["args", "backend", "server"]);
        let haproxy = read("frontend f\nspoe-agent a\n[x]\n");
        let lines: Vec<_> = haproxy.sections[0]
            .lines
            .iter()
            .map(|it| it.word(0))
            .collect();
        assert_eq!(lines, ["spoe-agent", "[x]"]);
        assert!(haproxy.scopes.is_empty());
    }

    #[test]
    fn lines_after_a_scope_do_not_belong_to_the_section_before_it() {
        let parsed = read("[one]\nx\nspoe-agent a\ny\n[two]\nmessages m\nspoe-agent b\n");
        let below = |scope: &Scope| scope.lines.iter().map(|it| it.word(0).to_owned()).collect();
        let below: Vec<Vec<_>> = parsed.scopes.iter().map(below).collect();
        assert_eq!(below, [["x"], ["messages"]]);
        assert_eq!(parsed.sections[0].lines.len(), 1);
    }

    #[test]
    fn conditions_are_followed_as_far_as_they_are_decided() {
        let text = "backend a\n.if version_atleast(3.1)\nmode spop\n.else\nmode tcp\n.endif\n\
                    .if defined(X)\nno log\n.endif\n";
        let parsed = read(text);
        let lines = parsed.sections[0].lines.iter();
        let lines: Vec<_> = lines.map(|line| (line.word(1), line.certain)).collect();
        assert_eq!(lines, [("spop", true), ("log", false)]);
    }

    #[test]
    fn variables_set_in_the_file_are_known() {
        let text = "global\nsetenv PORT 80\nfrontend f\nbind \":$PORT\"\nbind \":$NONE\"\n";
        let parsed = read(text);
        let lines = &parsed.sections[1].lines;
        assert_eq!(lines[0].word(1), ":80");
        assert!(!lines[1].words[1].known);
    }

    #[test]
    fn a_section_of_defaults_may_have_no_name() {
        let parsed = read("defaults a\ndefaults from a\ndefaults\n");
        let names: Vec<_> = parsed.sections.iter().map(Section::title).collect();
        assert_eq!(names, ["a", "", ""]);
    }
}

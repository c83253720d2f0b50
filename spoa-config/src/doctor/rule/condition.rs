//! The condition of a rule: `if …` or `unless …`, with the ACLs that it names.

use crate::read::{Line, Section, Word};

/// The condition of a rule: the words after `if` or `unless`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Condition<'a> {
    /// `if` or `unless`.
    pub(in super::super) word: &'a Word,
    /// Alternatives of terms that all have to hold: `a b or c` is `[[a, b], [c]]`.
    pub(in super::super) alternatives: Vec<Vec<Term<'a>>>,
}

/// One term of a condition: an ACL's name, or a test in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Term<'a> {
    /// Whether a `!` comes before it.
    pub(in super::super) negated: bool,
    /// The word it begins with: the name, or the brace.
    pub(in super::super) word: &'a Word,
    /// The name, if it is not a test in braces.
    pub(in super::super) name: Option<&'a str>,
    /// The test in braces, or that of each `acl` line of this name. No test for a name that is
    /// predefined, such as `METH_POST`, or unknown.
    pub(in super::super) tests: Vec<Test<'a>>,
}

/// A test: an expression, its flags, and its patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Test<'a> {
    /// The line it is in.
    pub(in super::super) line: &'a Line,
    /// All its words, from the expression on.
    words: &'a [Word],
    /// The sample expression, or an ACL keyword such as `path_beg`.
    pub(in super::super) expression: &'a Word,
    /// The flags before the patterns, `-m found` as two words.
    pub(in super::super) flags: &'a [Word],
    /// The patterns, with an operator such as `gt` before them if there is one.
    pub(in super::super) patterns: &'a [Word],
}

impl<'a> Condition<'a> {
    /// Reads the condition of a line, if it has one. The ACLs that it names are those of its section.
    pub(in super::super) fn of(line: &'a Line, section: &'a Section) -> Option<Self> {
        let begins = |word: &Word| word.is("if") || word.is("unless");
        // The keyword and the action come before it.
        let at = 1 + line.after(1).iter().position(begins)?;
        let word = line.words.get(at)?;
        let alternatives = alternatives(line.after(at + 1), line, section);
        Some(Condition { word, alternatives })
    }

    /// Whether the rule is applied where the condition does not hold.
    pub(in super::super) fn unless(&self) -> bool {
        self.word.text == "unless"
    }

    /// All terms.
    pub(in super::super) fn terms(&self) -> impl Iterator<Item = &Term<'a>> {
        self.alternatives.iter().flatten()
    }
}

impl<'a> Test<'a> {
    /// Reads the words of a test.
    fn new(words: &'a [Word], line: &'a Line) -> Option<Self> {
        let (expression, rest) = words.split_first()?;
        let mut flags = 0;
        while let Some(flag) = rest.get(flags) {
            match flag.text.as_str() {
                "-m" | "-f" => flags += 2,
                "-i" | "-n" | "-u" | "-M" => flags += 1,
                _ => break,
            }
        }
        let flags = flags.min(rest.len());
        let (flags, mut patterns) = rest.split_at_checked(flags)?;
        if let Some((first, others)) = patterns.split_first()
            && first.is("--")
        {
            patterns = others;
        }
        Some(Test {
            line,
            words,
            expression,
            flags,
            patterns,
        })
    }

    /// All its words, from the expression on.
    pub(in super::super) fn words(&self) -> &'a [Word] {
        self.words
    }

    /// The match method: the word after `-m`.
    pub(in super::super) fn method(&self) -> Option<&'a Word> {
        let mut flags = self.flags.iter();
        flags.find(|flag| flag.is("-m"))?;
        flags.next()
    }

    /// Whether it asks only if the sample is there: `-m found`.
    pub(in super::super) fn asks_whether_found(&self) -> bool {
        self.method().is_some_and(|method| method.is("found"))
    }

    /// The variable it tests, if it tests that and nothing made of it: `var(NAME)` without converters.
    pub(in super::super) fn variable(&self) -> Option<&'a str> {
        let inner = self.expression.text.strip_prefix("var(")?;
        let inner = inner.strip_suffix(')')?;
        let name = inner.split_once(',').map_or(inner, |(name, _)| name);
        (!name.contains(['(', ')'])).then_some(name)
    }
}

fn alternatives<'a>(words: &'a [Word], line: &'a Line, section: &'a Section) -> Vec<Vec<Term<'a>>> {
    let mut alternatives = vec![Vec::new()];
    let mut negated = false;
    let mut at = 0;
    while let Some(word) = words.get(at) {
        at += 1;
        let (bangs, name) = split_bangs(&word.text);
        negated ^= bangs % 2 == 1;
        let term = match name {
            "" if bangs > 0 => continue,
            "or" | "||" => {
                alternatives.push(Vec::new());
                continue;
            }
            "{" => {
                let rest = words.get(at..).unwrap_or_default();
                let length = rest.iter().position(|word| word.text == "}");
                let length = length.unwrap_or(rest.len());
                at += length + 1;
                Term {
                    negated,
                    word,
                    name: None,
                    tests: rest
                        .get(..length)
                        .and_then(|words| Test::new(words, line))
                        .into_iter()
                        .collect(),
                }
            }
            name => Term {
                negated,
                word,
                name: Some(name),
                tests: named(name, section),
            },
        };
        negated = false;
        if let Some(last) = alternatives.last_mut() {
            last.push(term);
        }
    }
    alternatives
}

fn split_bangs(text: &str) -> (usize, &str) {
    let name = text.trim_start_matches('!');
    (text.len() - name.len(), name)
}

/// Returns the tests of the ACLs of a name.
fn named<'a>(name: &str, section: &'a Section) -> Vec<Test<'a>> {
    let lines = section.lines.iter();
    let lines = lines.filter(|line| line.word(0) == "acl" && line.word(1) == name);
    lines
        .filter_map(|line| Test::new(line.after(2), line))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::super::tests::read;
    use super::*;

    /// Returns a condition as text, with tests as `expression/method/patterns`.
    fn asked(text: &str) -> String {
        let configuration = read(text);
        let section = configuration.sections.last().expect("a section");
        let line = section.lines.last().expect("a line");
        let Some(condition) = Condition::of(line, section) else {
            return "none".to_owned();
        };
        let test = |test: &Test<'_>| {
            let method = test.method().map_or("", |method| &method.text);
            let patterns: Vec<_> = test.patterns.iter().map(|it| it.text.as_str()).collect();
            format!("{}/{method}/{}", test.expression.text, patterns.join("+"))
        };
        let term = |term: &Term<'_>| {
            let tests: Vec<_> = term.tests.iter().map(test).collect();
            let not = if term.negated { "!" } else { "" };
            let name = term.name.unwrap_or_default();
            format!("{not}{name}[{}]", tests.join("|"))
        };
        let alternatives: Vec<_> = condition
            .alternatives
            .iter()
            .map(|terms| terms.iter().map(term).collect::<Vec<_>>().join(" "))
            .collect();
        format!("{}: {}", condition.word.text, alternatives.join(" or "))
    }

    #[test]
    fn conditions_are_alternatives_of_terms() {
        let cases = [
            ("http-request deny", "none"),
            (
                "http-request deny if { src 10.0.0.0/8 }",
                "if: [src//10.0.0.0/8]",
            ),
            (
                "http-request deny unless { var(txn.a) -m found } || !{ var(txn.b) -m int -- gt 5 } x",
                "unless: [var(txn.a)/found/] or ![var(txn.b)/int/gt+5] x[]",
            ),
            (
                "acl bad var(txn.a) -i -m str x y\nacl bad path /a\nhttp-request deny if ! bad !!bad",
                "if: !bad[var(txn.a)/str/x+y|path//a] bad[var(txn.a)/str/x+y|path//a]",
            ),
        ];
        for (line, expected) in cases {
            let expected = expected.replace("path//a", "path///a");
            assert_eq!(asked(&format!("frontend f\n{line}\n")), expected, "{line}");
        }
    }

    #[test]
    fn a_test_of_a_variable_alone_names_it() {
        for (expression, expected) in [
            ("var(txn.a)", Some("txn.a")),
            ("var(txn.a,5)", Some("txn.a")),
            ("var(txn.a),lower", None),
            ("var(txn.a),add(1)", None),
            ("src", None),
        ] {
            let text = format!("frontend f\nhttp-request deny if {{ {expression} x }}\n");
            let configuration = read(&text);
            let section = &configuration.sections[0];
            let condition = Condition::of(&section.lines[0], section).expect("a condition");
            let term = condition.terms().next().expect("a term");
            assert_eq!(term.tests[0].variable(), expected, "{expression}");
        }
    }
}

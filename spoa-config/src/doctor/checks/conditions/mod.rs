//! Conditions that are mistakes: flags among patterns, methods without a pattern or with one that
//! HAProxy ignores, and methods that do not fit the type of a variable.
//!
//! HAProxy 2.6 to 3.4 treat them in the same way.

mod found;
mod value_kind;

use crate::doctor::engine::Engine;
use crate::doctor::rule::{Condition, Term, Test};
use crate::doctor::{Case, Code, Finding, Severity};
use crate::read::{Line, Section, Span, Word};
use found::only_found;
use value_kind::ValueKind;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in case.ours() {
        let variables = variables(case, engine);
        let mut looked: Vec<Span> = Vec::new();
        for (section, line) in lines(case, engine) {
            let Some(condition) = Condition::of(line, section) else {
                continue;
            };
            let reads = |test: &Test<'_>| kind(&variables, test).is_some();
            let sends =
                line.word(0) == "event" || line.words.iter().any(|word| word.is("send-spoe-group"));
            let about = sends || condition.terms().any(|term| term.tests.iter().any(reads));
            if !about {
                continue;
            }
            for term in condition.terms() {
                for test in &term.tests {
                    // An ACL may be named by several rules.
                    if looked.contains(&test.expression.span) {
                        continue;
                    }
                    looked.push(test.expression.span);
                    let asked = CheckedTest {
                        term,
                        test,
                        kind: kind(&variables, test),
                    };
                    findings.extend(asked.finding());
                }
            }
        }
        findings.extend(only_found(case, engine));
    }
}

/// Returns the variables of an engine's handlers, and HAProxy's own.
fn variables(case: &Case<'_>, engine: &Engine<'_>) -> Vec<(String, ValueKind)> {
    let messages = engine.messages();
    let handlers = messages.filter_map(|message| case.handler(message.title()));
    let of_agent = handlers
        .flat_map(|handler| &handler.variables)
        .map(|variable| {
            let name = engine.variable(&variable.scope, &variable.name);
            (name, ValueKind::of(variable.rust_type.as_deref()))
        });
    let own = engine.own();
    let own = own.map(|word| (engine.variable("txn", &word.text), ValueKind::Number));
    of_agent.chain(own).collect()
}

/// Returns the kind of the variable that a test asks for, if it is one of these.
fn kind(variables: &[(String, ValueKind)], test: &Test<'_>) -> Option<ValueKind> {
    let name = test.variable()?;
    let mut found = variables.iter().filter(|(known, _)| known == name);
    let (_, kind) = found.next()?;
    // Handlers that do not agree say nothing.
    if found.all(|(_, other)| other == kind) {
        Some(*kind)
    } else {
        Some(ValueKind::Other)
    }
}

/// Returns the lines that may have conditions, with the section whose ACLs they name.
fn lines<'a>(case: &Case<'a>, engine: &Engine<'a>) -> Vec<(&'a Section, &'a Line)> {
    let sections = case.configuration.sections.iter();
    let sections = sections.chain(engine.messages());
    let lines = sections.flat_map(|section| section.lines.iter().map(move |line| (section, line)));
    lines.filter(|(_, line)| line.word(0) != "acl").collect()
}

/// A test to check.
struct CheckedTest<'t, 'a> {
    term: &'t Term<'a>,
    test: &'t Test<'a>,
    /// The kind of the variable that it tests; `None` for another expression.
    kind: Option<ValueKind>,
}

/// The flags of a test.
const FLAGS: [&str; 6] = ["-i", "-m", "-f", "-M", "-n", "-u"];

/// How numbers are compared.
const OPERATORS: [&str; 5] = ["eq", "ge", "gt", "le", "lt"];

/// The methods that compare text.
const OF_TEXT: [&str; 7] = ["str", "beg", "end", "sub", "dir", "dom", "reg"];

impl CheckedTest<'_, '_> {
    fn finding(&self) -> Option<Finding> {
        if !self.test.words().iter().all(|word| word.known) {
            return None;
        }
        let method = self.test.method().map(|method| method.text.as_str());
        self.late_flag()
            .or_else(|| self.lower_case_method())
            .or_else(|| self.without_method(method))
            .or_else(|| self.without_pattern(method?))
            .or_else(|| self.pattern_unread(method?))
            .or_else(|| self.operator(method?))
            .or_else(|| self.unfit(method?))
    }

    /// Returns the expression.
    fn what(&self) -> &str {
        &self.test.expression.text
    }

    fn patterns(&self) -> Vec<&str> {
        let patterns = self.test.patterns.iter();
        patterns.map(|word| word.text.as_str()).collect()
    }

    /// Returns the test with other words after the expression, to be written in its place; the other way
    /// around, if it is negated.
    fn instead(&self, rest: &str, negated: bool) -> String {
        let what = self.what();
        match (self.term.name, negated) {
            (None, _) => {
                let not = if negated != self.term.negated {
                    "!"
                } else {
                    ""
                };
                format!("write `{not}{{ {what} {rest} }}`")
            }
            (Some(name), false) => format!("write `acl {name} {what} {rest}`"),
            (Some(name), true) => {
                format!(
                    "write `acl {name} {what} {rest}`, and negate `{name}` in the rules that name it"
                )
            }
        }
    }

    /// `{ path /a -i }`: a flag after a pattern is a pattern.
    fn late_flag(&self) -> Option<Finding> {
        let words = self.test.words();
        if words.iter().any(|word| word.is("--")) {
            return None;
        }
        let is_flag = |word: &&Word| FLAGS.contains(&word.text.as_str());
        let flag = self.test.patterns.iter().find(is_flag)?;
        let takes = ["-m", "-f", "-M"].contains(&flag.text.as_str());
        let (mut moved, mut left) = (Vec::new(), Vec::new());
        let mut patterns = self.test.patterns.iter();
        while let Some(word) = patterns.next() {
            if word.span == flag.span {
                moved.push(word.text.as_str());
                moved.extend(patterns.next().filter(|_| takes).map(|it| it.text.as_str()));
            } else {
                left.push(word.text.as_str());
            }
        }
        let flags = self.test.flags.iter().map(|word| word.text.as_str());
        let rest: Vec<_> = flags.chain(moved).chain(left).collect();
        let title = format!("`{}` after a pattern is another pattern", flag.text);
        Some(
            unmeant(title, flag.span)
                .severity(Severity::Warning)
                .label("not a flag here")
                .help(self.instead(&rest.join(" "), false)),
        )
    }

    /// `{ method post }`: the names of methods are written in capitals.
    fn lower_case_method(&self) -> Option<Finding> {
        let patterns = self.patterns();
        let lower = |name: &&str| {
            let known = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"];
            !known.contains(name) && known.contains(&name.to_ascii_uppercase().as_str())
        };
        // `-i` changes nothing here.
        if self.what() != "method" || self.test.method().is_some() || !patterns.iter().all(lower) {
            return None;
        }
        let first = self.test.patterns.first()?;
        let last = self.test.patterns.last()?;
        let span = Span {
            end: last.span.end,
            ..first.span
        };
        let title = format!("no request has the method `{}`", first.text);
        Some(
            unmeant(title, span)
                .label("methods are case-sensitive")
                .help(self.instead(&patterns.join(" ").to_ascii_uppercase(), false)),
        )
    }

    /// `{ var(txn.a.b) yes }`: HAProxy does not know how to compare a variable.
    fn without_method(&self, method: Option<&str>) -> Option<Finding> {
        let kind = self.kind.filter(|_| method.is_none())?;
        let patterns = self.patterns().join(" ");
        let by = match kind {
            ValueKind::Bool => "-m bool".to_owned(),
            _ if patterns.is_empty() => "-m found".to_owned(),
            ValueKind::Number => format!("-m int {patterns}"),
            ValueKind::Address => format!("-m ip {patterns}"),
            ValueKind::Text | ValueKind::Other => format!("-m str {patterns}"),
        };
        let negated = kind == ValueKind::Bool && is_no(&patterns);
        let title = format!("HAProxy needs `-m` to compare `{}`", self.what());
        Some(
            unmeant(title, self.test.expression.span)
                .label(format!(
                    "this is {}, but HAProxy does not know the type",
                    kind.name()
                ))
                .help(self.instead(&by, negated)),
        )
    }

    /// `-m str` alone matches nothing.
    fn without_pattern(&self, method: &str) -> Option<Finding> {
        let from_file = |word: &Word| word.is("-f") || word.is("-M");
        let patterns = self.patterns();
        let none = match (method, patterns.as_slice()) {
            ("found" | "bool", _) => false,
            (_, []) => !self.test.flags.iter().any(from_file),
            ("int", [only]) => OPERATORS.contains(only),
            _ => false,
        };
        if !none {
            return None;
        }
        let help = match (self.kind, method) {
            (_, "int") => "write a number after it, as in `-m int gt NUMBER`".to_owned(),
            (Some(ValueKind::Bool), _) => self.instead("-m bool", false),
            _ => {
                let found = self.instead("-m found", false);
                format!("write the text after it; or, to ask whether it is set, {found}")
            }
        };
        let title = format!("`-m {method}` without a pattern matches nothing");
        let span = self.test.method().map(|word| word.span)?;
        Some(
            unmeant(title, span)
                .label("the pattern is missing")
                .help(help),
        )
    }

    /// `-m bool false` is `-m bool`.
    fn pattern_unread(&self, method: &str) -> Option<Finding> {
        let pattern = self.test.patterns.first()?;
        if !["bool", "found"].contains(&method) || is_yes(&pattern.text) {
            return None;
        }
        let asks = match method {
            "bool" => "whether it is true",
            _ => "whether it is set",
        };
        let title = format!("HAProxy ignores `{}` after `-m {method}`", pattern.text);
        Some(
            unmeant(title, pattern.span)
                .label(format!("this test asks {asks}"))
                .help(self.instead(&format!("-m {method}"), is_no(&pattern.text))),
        )
    }

    /// `-m int ne 0` is `-m int eq 0`; HAProxy refuses other words that are not numbers.
    fn operator(&self, method: &str) -> Option<Finding> {
        let kind = self.kind.filter(|_| method == "int");
        kind?;
        let number = |text: &str| {
            let mut bounds = text.split(':');
            text != ":" && bounds.all(|it| it.is_empty() || it.parse::<i64>().is_ok())
        };
        let known = |text: &str| OPERATORS.contains(&text) || number(text);
        let word = self.test.patterns.iter().find(|word| !known(&word.text))?;
        let rest = self
            .test
            .patterns
            .iter()
            .skip_while(|it| it.span != word.span);
        let rest: Vec<_> = rest.skip(1).map(|it| it.text.as_str()).collect();
        let (operator, negated) = match word.text.as_str() {
            "ne" | "!=" | "<>" => ("eq", true),
            "=" | "==" => ("eq", false),
            ">" => ("gt", false),
            ">=" | "gte" => ("ge", false),
            "<" => ("lt", false),
            "<=" | "lte" => ("le", false),
            _ => ("", false),
        };
        let title = format!("`{}` is not an operator", word.text);
        let finding = unmeant(title, word.span).label(match word.text.as_str() {
            "ne" => "HAProxy reads it as `eq`",
            _ => "HAProxy does not accept this",
        });
        Some(match rest.as_slice() {
            [only] if !operator.is_empty() && number(only) => {
                finding.help(self.instead(&format!("-m int {operator} {only}"), negated))
            }
            _ => finding.help(format!(
                "write {} and a number",
                spoa_facts::one_of(OPERATORS)
            )),
        })
    }

    /// A method that does not fit the type.
    fn unfit(&self, method: &str) -> Option<Finding> {
        let kind = self.kind?;
        let patterns = self.patterns();
        let digits = |among: &str| {
            let has = |pattern: &&str| pattern.contains(|c: char| among.contains(c));
            patterns.iter().any(has)
        };
        // A regular expression may stand for digits without having any.
        let plain = |pattern: &&str| {
            let letter = |c: char| c.is_ascii_alphanumeric() || "_-^$".contains(c);
            method != "reg" || pattern.chars().all(letter)
        };
        let of_text = OF_TEXT.contains(&method) && patterns.iter().all(plain);
        let span = self.test.method().map(|word| word.span)?;
        let what = self.what();
        match (kind, method) {
            (ValueKind::Bool, _) if of_text && !digits("01") => Some(
                unmeant(
                    format!("`{what}` is a boolean, which is `1` or `0` as text"),
                    span,
                )
                .label("matches nothing")
                .help(self.instead("-m bool", patterns.iter().all(|it| is_no(it)))),
            ),
            (ValueKind::Number, _) if of_text && !digits("0123456789") => Some(
                unmeant(format!("`{what}` is a number"), span)
                    .label("matches nothing")
                    .help("write `-m int`, an operator such as `gt`, and a number"),
            ),
            (ValueKind::Number, "bool") => Some(
                unmeant(format!("`{what}` is a number"), span)
                    .severity(Severity::Note)
                    .label("true for every number except 0")
                    .help(format!(
                        "if you mean that, {}",
                        self.instead("-m int eq 0", true)
                    )),
            ),
            (ValueKind::Text, "bool") => Some(
                unmeant(format!("`{what}` is text"), span)
                    .severity(Severity::Warning)
                    .label("true only for text that is a number other than 0")
                    .help("write `-m str` and the text, or `-m found`"),
            ),
            (ValueKind::Address, "int" | "bool") => Some(
                unmeant(format!("`{what}` is an address"), span)
                    .severity(Severity::Warning)
                    .label("not compared as an address")
                    .help("write `-m ip` and a network, or `-m found`"),
            ),
            _ => None,
        }
    }
}

fn unmeant(title: impl Into<String>, span: Span) -> Finding {
    Finding::new(Code::ConditionUnmeant, title, span)
}

fn is_yes(pattern: &str) -> bool {
    ["true", "1", "yes", "on"].contains(&pattern.to_ascii_lowercase().as_str())
}

fn is_no(pattern: &str) -> bool {
    ["false", "0", "no", "off"].contains(&pattern.to_ascii_lowercase().as_str())
}

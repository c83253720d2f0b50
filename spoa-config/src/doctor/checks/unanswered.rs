//! Rules that deny by the agent's answer, where nothing denies a request without an answer.
//!
//! Each rule is tried with every outcome of its tests: once as if there were no answer, once as if
//! there were one. A rule with too many tests to try counts as sound.

use super::super::engine::{Engine, Moment};
use super::super::rule::{Condition, How, Test, mentions};
use super::super::{Case, Code, Finding};
use crate::read::{Line, Section, Span};
use crate::{Presence, Variable};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in case.ours() {
        findings.extend(fail_open(case, engine));
    }
}

/// Conditions with more tests than this are not tried.
const MOST: usize = 12;

/// A variable of a handler, under its whole name.
struct MessageVariable<'a> {
    name: String,
    variable: &'a Variable,
    /// The message whose handler sets it.
    message: &'a Section,
    /// Whether the message is sent with the request.
    in_request: bool,
    /// Whether the message is sent with the response.
    in_response: bool,
}

/// A rule with a condition.
struct ConditionalRule<'a> {
    line: &'a Line,
    section: &'a Section,
    condition: Condition<'a>,
    /// Whether it is a rule for responses.
    response: bool,
}

/// The source of the value that a test looks at.
enum Depends<'a> {
    /// A variable of the agent.
    Answer(&'a MessageVariable<'a>),
    /// The variable of `option set-on-error`.
    Error,
    /// Anything else.
    Other,
}

fn fail_open(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let sets = sets(case, engine);
    let error = error(engine);
    let rules = rules(case, engine);
    let asked = RuleVariables {
        sets: &sets,
        error: error.as_deref(),
    };
    let mut open = rules.iter().filter_map(|rule| {
        let set = asked.opens(rule).filter(|_| denies(rule.line))?;
        // The answer to the request is still there in the response.
        let mut engines = case.ours().filter(|_| rule.response);
        let answered = engines.any(|other| {
            let mut sets = self::sets(case, other).into_iter();
            sets.any(|it| {
                it.name == set.name && it.in_request && it.variable.presence == Presence::Always
            })
        });
        if answered {
            return None;
        }
        Some((rule, set))
    });
    let (rule, set) = open.find(|(rule, set)| {
        let mut others = rules.iter().filter(|other| other.response == rule.response);
        let closed = others.any(|other| asked.closes(other, set.message));
        !closed && !said(case, rule, &sets) && !leads_nowhere(case, rule, set, &sets)
    })?;
    let span = mention(rule, &set.name);
    let title = format!(
        "if the agent does not answer, nothing is denied, because `{}` is not set",
        set.name
    );
    let finding =
        Finding::new(Code::FailOpen, title, span).label("matches nothing if there is no answer");
    let line = rule.line.span();
    let inside = span.source == line.source && line.start <= span.start && span.end <= line.end;
    let finding = if inside {
        finding
    } else {
        finding.context(line, "the rule that denies requests")
    };
    Some(finding.help(format!(
        "{} before it; if requests are to pass without an answer, write `# fail open` above it",
        advice(case, engine, rule, set, &sets, error.as_deref())
    )))
}

/// Returns whether a request without an answer has no backend: all rules that choose one name it by what the
/// message of a variable says, and there is no default. HAProxy answers such a request with 503.
fn leads_nowhere(
    case: &Case<'_>,
    rule: &ConditionalRule<'_>,
    set: &MessageVariable<'_>,
    sets: &[MessageVariable<'_>],
) -> bool {
    let sections = &case.configuration.sections;
    let proxy = sections
        .iter()
        .position(|section| std::ptr::eq(section, rule.section));
    let Some(proxy) = proxy.filter(|_| rule.section.kind() == "frontend" && !rule.response) else {
        return false;
    };
    let named_by_answer = |line: &Line| {
        let of_message = sets
            .iter()
            .filter(|other| std::ptr::eq(other.message, set.message));
        let mut names = of_message.map(|other| format!("var({})", other.name));
        names.any(|name| line.word(1).contains(&name))
    };
    let lines: Vec<_> = case
        .configuration
        .lines(proxy)
        .filter(|line| line.begins(&["use_backend"]))
        .collect();
    !lines.is_empty()
        && lines.into_iter().all(named_by_answer)
        && case.last(proxy, &["default_backend"]).is_none()
}

/// Returns the rule that denies where there is no answer, and nothing else.
fn advice(
    case: &Case<'_>,
    engine: &Engine<'_>,
    rule: &ConditionalRule<'_>,
    set: &MessageVariable<'_>,
    sets: &[MessageVariable<'_>],
    error: Option<&str>,
) -> String {
    let deny = format!("{} deny deny_status 503", rule.line.word(0));
    let deny = match rule.line.word(0) {
        "http-request" | "http-response" => deny,
        // Such a rule has no status.
        keyword => format!("{keyword} content reject"),
    };
    // A variable that each success sets, of a message that each request sends.
    let marker = sets.iter().find(|other| {
        std::ptr::eq(other.message, set.message)
            && other.variable.presence == Presence::Always
            && other.variable.scope != "proc"
    });
    let mut moments = engine.moments(set.message, case.rules);
    moments.retain(|moment| of_response(moment) == rule.response);
    let whole = |moment: &Moment<'_>| {
        let line = moment_line(set.message, moment);
        let proxy = match moment {
            Moment::Event(_) => engine.filter.proxy,
            Moment::Rule(rule) => rule.proxy,
        };
        let here = case.configuration.sections.get(proxy);
        let here = here.is_some_and(|section| std::ptr::eq(section, rule.section));
        here && line.is_some_and(|line| {
            !line
                .words
                .iter()
                .any(|word| word.is("if") || word.is("unless"))
        })
    };
    if let Some(marker) = marker.filter(|_| moments.iter().any(whole)) {
        return format!("write `{deny} unless {{ var({}) -m found }}`", marker.name);
    }
    let down = moments
        .iter()
        .filter_map(|moment| moment_line(set.message, moment))
        .any(|line| {
            line.words
                .iter()
                .any(|word| word.text.starts_with("nbsrv("))
        });
    // With no server up, such a condition sends nothing, and nothing fails.
    let down = match engine.backend().filter(|_| down) {
        Some(backend) => format!(" or {{ nbsrv({}) eq 0 }}", backend.text),
        None => String::new(),
    };
    match error {
        Some(error) => format!("write `{deny} if {{ var({error}) -m found }}{down}`"),
        None => format!(
            "write `option set-on-error error` in `spoe-agent {}`, and `{deny} if {{ var({}) -m found }}{down}`",
            engine.agent.title(),
            engine.variable("txn", "error")
        ),
    }
}

/// Returns the line whose condition decides whether a message is sent.
fn moment_line<'a>(message: &'a Section, moment: &Moment<'a>) -> Option<&'a Line> {
    match moment {
        Moment::Event(event) => {
            let mut lines = message.lines.iter();
            lines.find(|line| line.words.iter().any(|word| word.span == event.span))
        }
        Moment::Rule(rule) => Some(rule.line),
    }
}

/// Returns the variables of an engine's handlers.
fn sets<'a>(case: &Case<'a>, engine: &Engine<'a>) -> Vec<MessageVariable<'a>> {
    let messages = engine.messages();
    let handlers = messages.filter_map(|message| Some((message, case.handler(message.title())?)));
    handlers
        .flat_map(|(message, handler)| {
            let moments = engine.moments(message, case.rules);
            let in_response = moments.iter().any(of_response);
            let in_request = moments.is_empty() || !moments.iter().all(of_response);
            handler
                .variables
                .iter()
                .map(move |variable| MessageVariable {
                    name: engine.variable(&variable.scope, &variable.name),
                    variable,
                    message,
                    in_request,
                    in_response,
                })
        })
        .collect()
}

/// Returns whether a message is sent when the rules for requests are done.
fn of_response(moment: &Moment<'_>) -> bool {
    match moment {
        Moment::Event(event) => ["on-server-session", "on-tcp-response", "on-http-response"]
            .contains(&event.text.as_str()),
        Moment::Rule(rule) => rule.line.word(0).ends_with("-response"),
    }
}

/// Returns the variable that HAProxy sets if there is no answer.
fn error(engine: &Engine<'_>) -> Option<String> {
    let word = engine.option("set-on-error")?.words.get(2)?;
    Some(engine.variable("txn", &word.text))
}

/// Returns the rules with a condition that requests and responses can meet which an engine's filter sees: what
/// one frontend denies, another one lets pass.
fn rules<'a>(case: &Case<'a>, engine: &Engine<'a>) -> Vec<ConditionalRule<'a>> {
    let mut rules = Vec::new();
    let front = |section: &Section| matches!(section.kind(), "frontend" | "listen");
    let own = case.configuration.sections.get(engine.filter.proxy);
    let own = own.filter(|section| front(section));
    for section in &case.configuration.sections {
        if own.is_some_and(|own| front(section) && !std::ptr::eq(own, section)) {
            continue;
        }
        for line in &section.lines {
            let response = ["http-response", "tcp-response"].contains(&line.word(0));
            let asks = ["http-request", "tcp-request", "use_backend", "redirect"];
            if !response && !asks.contains(&line.word(0)) {
                continue;
            }
            if let Some(condition) = Condition::of(line, section) {
                rules.push(ConditionalRule {
                    line,
                    section,
                    condition,
                    response,
                });
            }
        }
    }
    rules
}

/// Returns whether a rule turns requests or responses away.
fn denies(line: &Line) -> bool {
    let rules = line.word(0);
    let http = ["http-request", "http-response"].contains(&rules);
    let rule = http || ["tcp-request", "tcp-response"].contains(&rules);
    let ends = ["deny", "reject", "tarpit", "silent-drop", "close"];
    let refuses = http
        && line
            .after(1)
            .iter()
            .zip(["return", "status"])
            .all(|(word, text)| word.is(text))
        && line.word(3).starts_with(['4', '5']);
    refuses || rule && (1..3).any(|index| ends.contains(&line.word(index)))
}

/// Where a rule, or an ACL that it names, reads a variable.
fn mention(rule: &ConditionalRule<'_>, variable: &str) -> Span {
    let own = mentions(rule.line);
    let of_acls = rule.condition.mentions();
    let mut all = own.iter().chain(&of_acls);
    let found = all.find(|mention| mention.variable == variable && mention.how == How::Read);
    found.map_or_else(|| rule.line.span(), |mention| mention.span)
}

/// Returns whether a comment says that it is meant: in the section of the rule or right above that, `fail open`
/// or a rule that asks for a variable of the agent.
fn said(case: &Case<'_>, rule: &ConditionalRule<'_>, sets: &[MessageVariable<'_>]) -> bool {
    let head = rule.section.head.span();
    let Some(source) = case.configuration.sources.get(head.source) else {
        return false;
    };
    let sections = case.configuration.sections.iter();
    let here = sections.filter(|section| section.head.span().source == head.source);
    let end = |section: &Section| {
        let last = section.lines.last().unwrap_or(&section.head);
        last.span().end
    };
    let (before, after): (Vec<_>, Vec<_>) =
        here.partition(|section| section.head.span().start < head.start);
    let from = before.last().map_or(0, |section| end(section));
    let to = after
        .get(1)
        .map_or(source.text.len(), |section| section.head.span().start);
    let text = source.text.get(from..to).unwrap_or_default();
    text.lines().map(str::trim).any(|line| {
        let asks =
            |set: &MessageVariable<'_>| line.contains(&format!("var({}) -m found", set.name));
        line.starts_with('#')
            && (line.to_lowercase().replace('-', " ").contains("fail open")
                || sets.iter().any(asks))
    })
}

/// The variables that the outcome of a rule depends on.
struct RuleVariables<'a> {
    sets: &'a [MessageVariable<'a>],
    error: Option<&'a str>,
}

impl<'a> RuleVariables<'a> {
    /// Returns the variable by which a rule is applied to some answer, if without an answer it can be left
    /// out for the same request.
    fn opens(&self, rule: &ConditionalRule<'_>) -> Option<&'a MessageVariable<'a>> {
        let mut terms = rule.condition.terms().flat_map(|term| &term.tests);
        let set = terms.find_map(|test| match self.depends(rule, test) {
            Depends::Answer(set) => Some(set),
            Depends::Error | Depends::Other => None,
        })?;
        self.differs(rule, false).filter(|differs| *differs)?;
        Some(set)
    }

    /// Returns whether a rule is applied without an answer, but not to each answer, by what the handler of a
    /// message sets or by the error.
    fn closes(&self, rule: &ConditionalRule<'_>, message: &Section) -> bool {
        let mut tests = rule.condition.terms().flat_map(|term| &term.tests);
        let about = tests.any(|test| match self.depends(rule, test) {
            Depends::Answer(set) => std::ptr::eq(set.message, message),
            Depends::Error => true,
            Depends::Other => false,
        });
        about && self.differs(rule, true).unwrap_or(true)
    }

    fn depends(&self, rule: &ConditionalRule<'_>, test: &Test<'_>) -> Depends<'a> {
        let Some(inner) = test.expression.text.strip_prefix("var(") else {
            return Depends::Other;
        };
        let name = inner.split_once(')').map_or(inner, |(name, _)| name);
        // A default value is in for what is not set.
        if name.contains(',') {
            return Depends::Other;
        }
        if self.error == Some(name) {
            return Depends::Error;
        }
        // A rule for responses reads what the request was answered, too: that is not the verdict.
        let here = |set: &&MessageVariable<'_>| {
            if rule.response {
                set.in_response
            } else {
                set.in_request
            }
        };
        match self.sets.iter().filter(here).find(|set| set.name == name) {
            Some(set) => Depends::Answer(set),
            None => Depends::Other,
        }
    }

    /// Returns whether there is a request to which the rule is applied (or not) without an answer, and not
    /// (or indeed) with some answer. `None` if it has too many tests to try.
    fn differs(&self, rule: &ConditionalRule<'_>, applied: bool) -> Option<bool> {
        let (mut others, mut answers) = (0, 0);
        for term in rule.condition.terms() {
            // A name without tests is predefined.
            if term.tests.is_empty() {
                others += 1;
            }
            for test in &term.tests {
                match self.depends(rule, test) {
                    Depends::Other => others += 1,
                    Depends::Answer(_) => answers += 1,
                    Depends::Error => {}
                }
            }
        }
        if others + answers > MOST {
            return None;
        }
        let tries = |count: usize| 0..1_u32 << count;
        let found = tries(others).any(|others| {
            self.applies(rule, others, None) == applied
                && tries(answers)
                    .any(|answers| self.applies(rule, others, Some(answers)) != applied)
        });
        Some(found)
    }

    /// Returns whether a rule is applied, where the bits say how the tests come out that are not known.
    /// `None` stands for no answer.
    fn applies(&self, rule: &ConditionalRule<'_>, mut others: u32, answers: Option<u32>) -> bool {
        let (none, mut answers) = (answers.is_none(), answers.unwrap_or_default());
        let next = |bits: &mut u32| {
            let bit = *bits & 1 == 1;
            *bits >>= 1;
            bit
        };
        let mut holds = false;
        for terms in &rule.condition.alternatives {
            let mut all = true;
            for term in terms {
                let mut any = term.tests.is_empty() && next(&mut others);
                for test in &term.tests {
                    any |= match self.depends(rule, test) {
                        Depends::Other => next(&mut others),
                        Depends::Error => none && matches_error(test),
                        Depends::Answer(_) if none => false,
                        Depends::Answer(set) => {
                            let sure = set.variable.presence == Presence::Always;
                            let bit = next(&mut answers);
                            bit || (test.asks_whether_found() && sure)
                        }
                    };
                }
                all &= any != term.negated;
            }
            holds |= all;
        }
        holds != rule.condition.unless()
    }
}

/// Returns whether a test of the error's variable holds for some error: they are numbers from 1 on.
fn matches_error(test: &Test<'_>) -> bool {
    let words: Vec<_> = test.patterns.iter().map(|it| it.text.as_str()).collect();
    !matches!(
        words.as_slice(),
        ["eq", "0"] | ["0"] | ["lt" | "le", "0"] | ["lt", "1"]
    )
}

//! What happens when there is no answer.

use super::super::engine::{Engine, Moment};
use super::super::steps::How;
use super::super::{Case, Code, Finding};
use super::variables::mentions;
use crate::read::{Line, Section, Word};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        findings.extend(continue_on_error(case, engine));
        if engine.option("set-on-error").is_none() {
            let title = format!(
                "the agent `{}` sets nothing when there is no answer",
                engine.agent.title()
            );
            findings.push(
                Finding::new(Code::SetOnError, title, engine.span())
                    .label("a failure looks like an agent that found nothing")
                    .help(format!(
                        "write `option set-on-error error`: `{}` then says why",
                        engine.variable("txn", "error")
                    )),
            );
        }
    }
    for engine in case.ours() {
        findings.extend(fail_open(case, engine));
    }
}

fn continue_on_error(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let mut moments: Vec<&str> = Vec::new();
    for message in engine.messages() {
        for moment in engine.moments(message, case.rules) {
            let name = match moment {
                Moment::Event(event) => &event.text,
                Moment::Rule(rule) => &rule.group.text,
            };
            if !moments.contains(&name.as_str()) {
                moments.push(name);
            }
        }
    }
    if moments.len() < 2 || engine.option("continue-on-error").is_some() {
        return None;
    }
    let title = format!(
        "after one error the agent `{}` is not asked again",
        engine.agent.title()
    );
    Some(
        Finding::new(Code::ContinueOnError, title, engine.span())
            .label(format!("sends {}", super::list(&moments)))
            .note("without an answer to the first, the others are not sent for this transaction")
            .help("write `option continue-on-error`"),
    )
}

/// A rule that denies by what the agent said, where nothing asks whether it said anything.
fn fail_open(case: &Case<'_>, engine: &Engine<'_>) -> Option<Finding> {
    let of_agent: Vec<_> = engine
        .messages()
        .filter_map(|message| case.handler(message.title()))
        .flat_map(|handler| &handler.variables)
        .map(|variable| engine.variable(&variable.scope, &variable.name))
        .collect();
    let own = engine.own().map(|word| engine.variable("txn", &word.text));
    let asked: Vec<_> = of_agent.iter().cloned().chain(own).collect();
    if asked.iter().any(|name| case.asks_whether_found(name)) {
        return None;
    }
    let reads = mentions(case.configuration)
        .into_iter()
        .filter(|mention| mention.how == How::Read && of_agent.contains(&mention.variable));
    for mention in reads {
        let line = mention.line;
        let denying = match line.word(0) {
            "acl" => {
                let mut sections = case.configuration.sections.iter();
                let holds =
                    |section: &&Section| section.lines.iter().any(|it| std::ptr::eq(it, line));
                let Some(section) = sections.find(holds) else {
                    continue;
                };
                let mut lines = section.lines.iter();
                lines.find(|rule| denies(rule) && open(rule, |word| word.is(line.word(1))))
            }
            _ => Some(line)
                .filter(|line| denies(line) && open(line, |word| word.span == mention.word.span)),
        };
        let Some(denying) = denying else {
            continue;
        };
        let title = format!(
            "whoever is not judged passes: `{}` may not be set",
            mention.variable
        );
        let finding = Finding::new(Code::FailOpen, title, mention.span)
            .label("matches nothing if there is no answer");
        let finding = match denying.span() == line.span() {
            true => finding,
            false => finding.context(denying.span(), "denies by it"),
        };
        return Some(finding.help(format!(
            "write `http-request deny deny_status 503 unless {{ var({}) -m found }}` before it; if they are to pass, write `# fail open` above it",
            mention.variable
        )));
    }
    None
}

/// Whether a rule turns somebody away.
fn denies(line: &Line) -> bool {
    let rule = ["http-request", "tcp-request"].contains(&line.word(0));
    let ends = ["deny", "reject", "tarpit", "silent-drop"];
    rule && (1..3).any(|index| ends.contains(&line.word(index)))
}

/// Whether a word stands in the condition of a rule so that a variable that is not set keeps the
/// rule from being applied.
fn open(line: &Line, is: impl Fn(&Word) -> bool) -> bool {
    let mut unless = false;
    let mut negated = false;
    for word in &line.words {
        match word.text.as_str() {
            "if" => unless = false,
            "unless" => unless = true,
            "!" | "!{" => negated = true,
            "{" | "||" | "or" | "}" if word.text != "{" || !negated => negated = false,
            _ if is(word) => return !unless && !negated,
            _ => {}
        }
    }
    false
}

impl Case<'_> {
    /// Whether somebody thought of a variable that is not set: a rule or an `acl` that has
    /// `var(NAME) -m found`, or a comment that has it or says `fail open`. What only shows it does
    /// not count.
    fn asks_whether_found(&self, name: &str) -> bool {
        let test = format!("var({name}) -m found");
        let shows = ["http-after-response", "http-response", "log-format"];
        let sources = self.configuration.sources.iter();
        let mut lines = sources
            .flat_map(|source| source.text.lines())
            .map(str::trim);
        lines.any(|line| {
            if line.starts_with('#') {
                let said = line.to_lowercase().replace('-', " ");
                return said.contains("fail open") || line.contains(&test);
            }
            line.contains(&test) && !shows.iter().any(|word| line.starts_with(word))
        })
    }
}

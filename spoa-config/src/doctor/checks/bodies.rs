//! Whether the body that a message sends is there: what waits for it, for which requests, and when.

use super::super::rule::{Condition, End, Term};
use super::super::steps::{Path, Phase, Step};
use super::super::{Case, Code, Finding};
use super::arguments::GivenArgument;
use crate::read::{Line, Section, Span};

/// The rule that waits for a response, unless it may never end.
const WAIT: &str = "http-response wait-for-body time 1h if { res.fhdr(content-length) -m found }";

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut said: Vec<(Span, Span)> = Vec::new();
    for path in &case.paths {
        for step in &path.steps {
            let Some(finding) = of_message(case, path, step) else {
                continue;
            };
            let place = (finding.primary.span, step.line.span());
            if !said.contains(&place) {
                said.push(place);
                findings.push(finding);
            }
        }
    }
}

fn of_message(case: &Case<'_>, path: &Path<'_>, step: &Step<'_>) -> Option<Finding> {
    let sent = step.message?;
    let response = match step.phase {
        Phase::FrontendHttpEvent
        | Phase::FrontendRules
        | Phase::BackendHttpEvent
        | Phase::BackendRules => false,
        Phase::HttpResponseEvent | Phase::ResponseRules => true,
        _ => return None,
    };
    let fetches = if response {
        ["res.body", "res.body_len", "res.body"]
    } else {
        ["req.body", "req.body_len", "req.body_param"]
    };
    let given = GivenArgument::all(sent.section);
    let body = given.iter().find(|given| {
        let fetch = given.sample().split(['(', ',']).next().unwrap_or_default();
        fetches.contains(&fetch)
    })?;
    // A message that is never sent this way needs no body.
    if path
        .before(step.at)
        .any(|other| other.end == End::All && other.always())
    {
        return None;
    }
    let waits: Vec<_> = path.waits(step.at, response).collect();
    if waits.iter().any(|wait| wait.always() || !wait.line.certain) {
        return None;
    }
    if path.frontend.is_none() && case.somewhere_waits() {
        return None;
    }
    let of = Sends {
        case,
        path,
        step,
        section: sent.section,
        body: body.word.span,
        response,
    };
    if let Some((wait, others)) = waits.split_first() {
        return (others.is_empty() && narrower(path, step, wait)).then(|| of.narrow(wait));
    }
    let late = path
        .after(step.at)
        .find(|other| other.phase.of_response() == response && other.waits_for_body());
    Some(match late {
        Some(late) => of.late(late),
        None => of.nothing(),
    })
}

/// A message that sends a body.
struct Sends<'c, 'a> {
    case: &'c Case<'a>,
    path: &'c Path<'a>,
    step: &'c Step<'a>,
    section: &'c Section,
    body: Span,
    response: bool,
}

impl Sends<'_, '_> {
    fn nothing(&self) -> Finding {
        let title = format!(
            "nothing waits for the body that `{}` sends",
            self.section.title()
        );
        let finding = Finding::new(Code::BodyUnbuffered, title, self.body)
            .label("sends only what has arrived by then")
            .context(
                self.step.line.span(),
                "sent as soon as the headers are there",
            );
        let finding = match self
            .path
            .frontend
            .and_then(|at| self.case.configuration.sections.get(at))
        {
            Some(frontend) if self.path.frontend != Some(self.step.proxy) => {
                finding.context(frontend.head.span(), "for requests through this frontend")
            }
            _ => finding,
        };
        finding.help(self.wait())
    }

    fn late(&self, late: &Step<'_>) -> Finding {
        let title = format!(
            "`wait-for-body` comes after `{}` is sent",
            self.section.title()
        );
        let finding = Finding::new(Code::BodyWaitedForElsewhere, title, late.line.span())
            .label("too late for the message")
            .context(self.body, "sends only what has arrived by then")
            .context(self.step.line.span(), "sent here");
        let by_rule = self.step.message.is_some_and(|sent| sent.by_rule);
        // Within one proxy it is enough to move it.
        if by_rule && late.proxy == self.step.proxy {
            return finding.help(format!("move it above `{}`", words(self.step.line)));
        }
        finding.help(self.wait())
    }

    fn narrow(&self, wait: &Step<'_>) -> Finding {
        let title = format!(
            "`wait-for-body` covers fewer requests than `{}`",
            self.section.title()
        );
        let span = wait.condition.as_ref().map(|condition| condition.word.span);
        let last = wait.line.span().end;
        let span = span.map_or(wait.line.span(), |span| Span { end: last, ..span });
        Finding::new(Code::BodyWaitedForElsewhere, title, span)
            .label("HAProxy does not wait for the body of the others")
            .context(self.body, "sends only what has arrived by then")
            .context(self.step.line.span(), "sent here")
            .help("give this rule the condition of the message, or none")
    }

    /// Returns the steps that wait in time.
    fn wait(&self) -> String {
        let engine = self
            .step
            .message
            .and_then(|sent| self.case.engines.get(sent.engine));
        let engine = engine.map_or("ENGINE", |engine| engine.name());
        let by_rule = self.step.message.is_some_and(|sent| sent.by_rule);
        match (self.response, by_rule) {
            (true, true) => format!("write `{WAIT}` above `{}`", words(self.step.line)),
            // No option waits for a response, and no rule comes before its event.
            (true, false) => format!(
                "send it by a group: write `{WAIT}`, and below it `http-response send-spoe-group {engine} GROUP`"
            ),
            (false, _) => {
                let section = self.case.configuration.sections.get(self.step.proxy);
                format!(
                    "write `option http-buffer-request` in `{} {}`",
                    section.map_or("frontend", Section::kind),
                    section.map_or("", Section::title)
                )
            }
        }
    }
}

/// A rule without its condition.
fn words(line: &Line) -> String {
    let words: Vec<_> = line.words.iter().map(|word| word.text.as_str()).collect();
    words
        .get(..words.len().min(4))
        .unwrap_or_default()
        .join(" ")
}

/// Returns whether a wait is surely for fewer requests than a message. A condition on what has a body at all
/// does not make it narrower.
fn narrower(path: &Path<'_>, step: &Step<'_>, wait: &Step<'_>) -> bool {
    let Some(waits) = wait.condition.as_ref().and_then(alternatives) else {
        return false;
    };
    let waits: Vec<Vec<_>> = waits
        .into_iter()
        .map(|terms| {
            let others = terms.into_iter().filter(|(_, term)| !has_body(term));
            others.map(|(key, _)| key).collect()
        })
        .collect();
    // Earlier rules may have sorted out the others already.
    let sorted = path.before(step.at).any(|other| {
        let terms = other.condition.iter().flat_map(Condition::terms);
        other.end != End::None && {
            let mut keys = terms.map(|term| key(term, false));
            keys.any(|it| waits.iter().flatten().any(|wait| wait.1 == it.1))
        }
    });
    // So may the rule that chooses the backend.
    let chosen: Vec<_> = path
        .steps
        .iter()
        .filter(|other| other.phase == Phase::Switching && other.condition.is_some())
        .flat_map(|other| other.condition.iter().flat_map(Condition::terms))
        .map(|term| key(term, false))
        .collect();
    let by_backend = step.phase > Phase::Switching
        && chosen
            .iter()
            .any(|it| waits.iter().flatten().any(|wait| wait.1 == it.1));
    if sorted || by_backend {
        return false;
    }
    let sends = match &step.condition {
        None => vec![Vec::new()],
        Some(condition) => match alternatives(condition) {
            Some(sends) => sends
                .into_iter()
                .map(|terms| terms.into_iter().map(|(key, _)| key).collect())
                .collect(),
            None => return false,
        },
    };
    !sends.iter().all(|send: &Vec<_>| {
        let mut waits = waits.iter();
        waits.any(|wait| wait.iter().all(|term| send.contains(term)))
    })
}

/// A term as text, and whether it has to fail.
type Key = (bool, String);

fn key(term: &Term<'_>, flip: bool) -> Key {
    let negated = term.negated != flip;
    let text = match (term.name, term.tests.first()) {
        (Some(name), _) => name.to_owned(),
        (None, Some(test)) => {
            let words = std::iter::once(test.expression)
                .chain(test.flags)
                .chain(test.patterns);
            let words: Vec<_> = words.map(|word| word.text.as_str()).collect();
            words.join(" ")
        }
        (None, None) => String::new(),
    };
    (negated, text)
}

/// Returns the alternatives of a condition, or of the opposite of one after `unless`. `None` where that is not
/// plain.
fn alternatives<'c, 'a>(condition: &'c Condition<'a>) -> Option<Vec<Vec<(Key, &'c Term<'a>)>>> {
    let flip = condition.unless();
    let one = condition.terms().count() == 1;
    if flip && !one {
        return None;
    }
    let terms =
        |terms: &'c Vec<Term<'a>>| terms.iter().map(|term| (key(term, flip), term)).collect();
    Some(condition.alternatives.iter().map(terms).collect())
}

/// Returns whether a term asks for nothing but that there is a body: by its method or its headers.
fn has_body(term: &Term<'_>) -> bool {
    const FETCHES: [&str; 5] = [
        "method",
        "req.body_size",
        "content-length",
        "transfer-encoding",
        "content-type",
    ];
    let predefined = [
        "METH_POST",
        "METH_PUT",
        "METH_PATCH",
        "HTTP_CONTENT",
        "HTTP",
        "TRUE",
    ];
    if term.tests.is_empty() {
        return term.name.is_none_or(|name| predefined.contains(&name));
    }
    term.tests.iter().all(|test| {
        let text = test.expression.text.to_ascii_lowercase();
        FETCHES.iter().any(|fetch| text.contains(fetch))
    })
}

impl Case<'_> {
    /// Returns whether anything in the configuration waits for the body of a request.
    fn somewhere_waits(&self) -> bool {
        let mut steps = self.paths.iter().flat_map(|path| &path.steps);
        steps.any(|step| !step.phase.of_response() && step.waits_for_body())
    }
}

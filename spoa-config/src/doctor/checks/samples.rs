//! Sample expressions: whether HAProxy takes them, where they stand, and what they give.
//!
//! The table of fetches and converters is `spoa_samples`'.

use super::super::engine::{Engine, Moment, Rule};
use super::super::{Case, Code, Finding};
use super::arguments::Given;
use crate::read::{Section, Span};
use crate::{Argument, Expected, Message};
use spoa_samples::{Event, Expression, Kind, Problem, ProblemKind, Proxy, Sample};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        for message in engine.messages() {
            let handler = case.handler(message.title()).filter(|_| engine.ours);
            for (index, given) in Given::all(message).iter().enumerate() {
                let Some((text, span)) = expression(case, given) else {
                    continue;
                };
                match sample(case, text) {
                    Err(problem) => findings.extend(refused(&problem, span)),
                    Ok(sample) => {
                        findings.extend(misplaced(case, engine, message, &sample, span));
                        let argument = handler.and_then(|it| argument(it, given, index));
                        findings.extend(
                            handler.zip(argument).and_then(|(it, argument)| {
                                unfit(it, argument, &sample, text, span)
                            }),
                        );
                    }
                }
            }
        }
    }
}

/// The expression as it stands in the file, and where. Not what stands in quotes as a whole or
/// depends on the environment.
fn expression<'c>(case: &'c Case<'_>, given: &Given<'_>) -> Option<(&'c str, Span)> {
    let span = given.word.span;
    let source = case.configuration.sources.get(span.source)?;
    let raw = source.text.get(span.start..span.end)?;
    if !given.word.known || raw.starts_with(['"', '\'']) || raw.contains('$') {
        return None;
    }
    let start = match given.name {
        Some(_) => raw.find('=')? + 1,
        None => 0,
    };
    let span = Span {
        start: span.start + start,
        ..span
    };
    Some((raw.get(start..)?, span))
}

fn sample(case: &Case<'_>, text: &str) -> Result<Sample, Problem> {
    let expression = Expression::parse(text)?;
    match case.series {
        Some(series) => expression.check(series),
        None => expression.check_any(),
    }
}

fn refused(problem: &Problem, span: Span) -> Option<Finding> {
    let code = match problem.kind() {
        ProblemKind::NotInSeries { .. } => Code::SampleOfAnother,
        ProblemKind::Environment => return None,
        // Lua brings fetches and converters that no list has.
        ProblemKind::UnknownFetch { name, .. } | ProblemKind::UnknownConverter { name, .. }
            if name.starts_with("lua.") =>
        {
            return None;
        }
        _ => Code::SampleRefused,
    };
    let range = problem.range();
    let span = match range.is_empty() {
        true => span,
        false => Span {
            start: span.start + range.start,
            end: (span.start + range.end).min(span.end),
            ..span
        },
    };
    let said = problem.to_string();
    let (title, help) = match said.split_once(": ") {
        Some((title, help)) => (title, Some(help.to_owned())),
        None => (said.as_str(), None),
    };
    let finding = Finding::new(code, title, span).label("HAProxy does not take this");
    Some(match help {
        Some(help) => finding.help(help),
        None => finding.help("`haproxy -dKsmp -dKcnv` lists what there is"),
    })
}

/// A sample that cannot be had where its message is sent.
fn misplaced(
    case: &Case<'_>,
    engine: &Engine<'_>,
    message: &Section,
    sample: &Sample,
    span: Span,
) -> Option<Finding> {
    let moments = engine.moments(message, case.rules);
    let missing = moments.iter().find_map(|moment| {
        let (event, proxy, at) = match moment {
            Moment::Event(event) => (event.text.parse().ok()?, engine.filter.proxy, event.span),
            Moment::Rule(rule) => (of_rule(case, rule)?, rule.proxy, rule.line.span()),
        };
        let proxy = match case.configuration.sections.get(proxy)?.kind() {
            "frontend" => Proxy::Frontend,
            "backend" => Proxy::Backend,
            _ => Proxy::Listen,
        };
        // What a backend never sees is another finding.
        let never = proxy == Proxy::Backend && event <= Event::FrontendHttpRequest;
        (!never && !sample.at_in(event, proxy)).then_some((event, at))
    });
    let (event, at) = missing?;
    let title = format!("this sample cannot be had at `{}`", event.name());
    let others: Vec<_> = sample.events().map(|event| event.name()).collect();
    let finding = Finding::new(Code::SampleElsewhere, title, span)
        .label("nothing to fetch yet, or no more")
        .context(at, "sent here");
    Some(match others.is_empty() {
        true => finding.help("take another sample"),
        false => finding.help(format!(
            "send the message at {}, or take another sample",
            super::either(&others)
        )),
    })
}

/// The event whose samples a rule has.
fn of_rule(case: &Case<'_>, rule: &Rule<'_>) -> Option<Event> {
    let backend = case.configuration.sections.get(rule.proxy)?.kind() == "backend";
    Some(match (rule.line.word(0), backend) {
        ("http-request", false) => Event::FrontendHttpRequest,
        ("http-request", true) => Event::BackendHttpRequest,
        ("http-response", _) => Event::HttpResponse,
        ("tcp-request", false) => Event::FrontendTcpRequest,
        ("tcp-request", true) => Event::BackendTcpRequest,
        ("tcp-response", _) => Event::TcpResponse,
        _ => return None,
    })
}

fn argument<'a>(handler: &'a Message, given: &Given<'_>, index: usize) -> Option<&'a Argument> {
    handler
        .arguments
        .iter()
        .find(|argument| match argument.index {
            Some(place) => place == index,
            None => argument.name.is_some() && argument.name.as_deref() == given.name,
        })
}

/// A sample of a type that the handler's parameter does not convert from.
fn unfit(
    handler: &Message,
    argument: &Argument,
    sample: &Sample,
    text: &str,
    span: Span,
) -> Option<Finding> {
    if fits(sample.kind(), argument.expected) {
        return None;
    }
    let (file, line) = &handler.location;
    let title = format!(
        "`{text}` gives {}, and the handler of `{}` takes `{}`",
        sample.kind(),
        handler.name,
        argument.rust_type
    );
    let wanted = argument.sample.as_deref().or(argument.guess.as_deref());
    let finding = Finding::new(Code::SampleUnfit, title, span)
        .label(format!("{}", sample.kind()))
        .note(format!(
            "its handler is `{}` ({file}:{line})",
            handler.function
        ));
    Some(match wanted.filter(|wanted| *wanted != text) {
        Some(wanted) => finding.help(format!("write `{wanted}`")),
        None => finding.help("take another sample, or another type in the handler"),
    })
}

/// Whether a parameter converts from a sample, as the library's `FromValue` does it.
fn fits(kind: Kind, expected: Expected) -> bool {
    let text = matches!(kind, Kind::Str | Kind::Bin | Kind::Meth);
    match (kind, expected) {
        (Kind::Any, _) | (_, Expected::Any | Expected::Other) => true,
        (Kind::Bool | Kind::Sint, Expected::Bool) => true,
        (Kind::Sint, Expected::Integer) => true,
        (Kind::Addr | Kind::Ipv4 | Kind::Ipv6, Expected::Address) => true,
        (Kind::Addr | Kind::Ipv4, Expected::Ipv4) => true,
        (Kind::Addr | Kind::Ipv6, Expected::Ipv6) => true,
        (_, Expected::Address | Expected::Ipv4 | Expected::Ipv6) => text,
        (_, Expected::Text | Expected::Bytes) => text,
        _ => false,
    }
}

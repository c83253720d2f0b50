//! Sample expressions: whether HAProxy takes them, whether they are available, and the type they give.
//!
//! The table of fetches and converters is `spoa_facts`'.

use super::super::engine::{Engine, GroupRule, Moment};
use super::super::{Case, Code, Finding};
use super::arguments::GivenArgument;
use crate::read::{Section, Span};
use crate::{Argument, Message};
use spoa_facts::{Chooser, Event, Expression, Kind, Problem, ProblemKind, Proxy, Sample};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        for message in engine.messages() {
            let handler = case.handler(message.title()).filter(|_| engine.ours);
            for (index, given) in GivenArgument::all(message).iter().enumerate() {
                let Some((text, span)) = expression(given) else {
                    continue;
                };
                if let Some(finding) = open_quote(case, given) {
                    findings.push(finding);
                    continue;
                }
                let argument = handler.and_then(|it| argument(it, given, index));
                // The sample that the handler names, if it is another one.
                let wanted = argument.and_then(|it| it.sample.as_deref().or(it.guess.as_deref()));
                // A body has to be waited for, so that to write it alone would not do.
                let wanted = wanted.filter(|wanted| *wanted != text && !wanted.contains(".body"));
                let sample = match sample(case, text) {
                    Err(problem) => {
                        findings.extend(refused(case, &problem, span, text, wanted));
                        continue;
                    }
                    Ok(sample) => sample,
                };
                let of = EngineMessage {
                    engine,
                    message,
                    handler,
                };
                findings.extend(misplaced(case, &of, &sample, span, wanted));
                findings.extend(may_lack(case, &of, argument, text, &sample, span));
                let unfit = handler.zip(argument).and_then(|(handler, argument)| {
                    unfit(handler, argument, &sample, text, wanted, span)
                });
                findings.extend(unfit);
            }
        }
    }
}

/// A message of an engine, and its handler if it is this agent's.
struct EngineMessage<'s, 'a> {
    engine: &'s Engine<'a>,
    message: &'s Section,
    handler: Option<&'s Message>,
}

/// Returns the expression as HAProxy takes it from its line, without the line's quotes, and where it
/// is. Not if it depends on the environment.
pub(super) fn expression<'c>(given: &GivenArgument<'c>) -> Option<(&'c str, Span)> {
    let text = given.word.text.as_str();
    let start = given.name.map_or(0, |name| name.len() + 1);
    let expression = text.get(start..).filter(|_| given.word.known)?;
    Some((expression, given.word.part(start..text.len())))
}

/// Returns whether a message has an argument that is read from a request or a response of HTTP.
pub(super) fn takes_http(message: &Section) -> bool {
    GivenArgument::all(message).iter().any(|given| {
        let parsed = expression(given).and_then(|(text, _)| Expression::parse(text).ok());
        parsed.is_some_and(|parsed| parsed.reads_http())
    })
}

/// A word whose quote is open at the end of its line.
fn open_quote(case: &Case<'_>, given: &GivenArgument<'_>) -> Option<Finding> {
    let span = given.word.span;
    let source = case.configuration.sources.get(span.source)?;
    let raw = source.text.get(span.start..span.end)?;
    let problem = Expression::parse_word(raw).err()?;
    matches!(problem.kind(), ProblemKind::OpenQuote)
        .then(|| refused(case, &problem, span, raw, None))
        .flatten()
}

/// A sample expression as HAProxy checks it.
pub(super) fn sample(case: &Case<'_>, text: &str) -> Result<Sample, Problem> {
    let expression = Expression::parse(text)?;
    match case.series {
        Some(series) => expression.check(series),
        None => expression.check_any(),
    }
}

fn refused(
    case: &Case<'_>,
    problem: &Problem,
    span: Span,
    text: &str,
    wanted: Option<&str>,
) -> Option<Finding> {
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
    // With quotes in between, its parts have no place of their own.
    let exact = span.end - span.start == text.len();
    let span = if exact && !range.is_empty() {
        Span {
            start: span.start + range.start,
            end: (span.start + range.end).min(span.end),
            ..span
        }
    } else {
        span
    };
    let said = problem.to_string();
    let (title, help) = match said.split_once(": ") {
        Some((title, help)) => (title, Some(help.to_owned())),
        None => (said.as_str(), None),
    };
    let finding = Finding::new(code, title, span).label("HAProxy does not accept this");
    let wanted = wanted.filter(|wanted| sample(case, wanted).is_ok());
    Some(match (wanted, help) {
        (Some(wanted), _) => finding.help(format!("write `{wanted}`, which the handler declares")),
        (None, Some(help)) => finding.help(help),
        (None, None) => {
            finding.help("use another one, or remove it: `haproxy -dKsmp -dKcnv` lists them all")
        }
    })
}

/// Finds a sample that is not available where its message is sent.
fn misplaced(
    case: &Case<'_>,
    sent: &EngineMessage<'_, '_>,
    sample: &Sample,
    span: Span,
    wanted: Option<&str>,
) -> Option<Finding> {
    let moments = sent.engine.moments(sent.message, case.rules);
    let missing = moments.iter().find_map(|moment| {
        let (event, proxy, at) = match moment {
            Moment::Event(event) => (
                event.text.parse().ok()?,
                sent.engine.filter.proxy,
                event.span,
            ),
            Moment::Rule(rule) => (of_rule(case, rule)?, rule.proxy, rule.line.span()),
        };
        let proxy = match case.configuration.sections.get(proxy)?.kind() {
            "frontend" => Proxy::Frontend,
            "backend" => Proxy::Backend,
            _ => Proxy::Listen,
        };
        // Events that a backend never has are another finding.
        let never = proxy == Proxy::Backend && event <= Event::FrontendHttpRequest;
        (!never && !sample.at_in(event, proxy)).then_some((moment, event, proxy, at))
    });
    let (moment, event, proxy, at) = missing?;
    let title = format!("this sample is not available at `{}`", event.name());
    let finding = Finding::new(Code::SampleElsewhere, title, span)
        .label("not available yet, or no longer")
        .context(at, "sent here");
    let wanted = wanted.filter(|wanted| {
        let other = self::sample(case, wanted);
        other.is_ok_and(|other| other.at_in(event, proxy))
    });
    if let Some(wanted) = wanted {
        return Some(finding.help(format!("write `{wanted}`, which the handler declares")));
    }
    Some(match elsewhere(sent, sample, proxy, moment) {
        Some(help) => finding.help(help),
        None => finding.help("use another sample"),
    })
}

/// Where the message can be sent so that it has a sample, as a help.
fn elsewhere(
    sent: &EngineMessage<'_, '_>,
    sample: &Sample,
    proxy: Proxy,
    moment: &Moment<'_>,
) -> Option<String> {
    let has = |event: Event| {
        let seen = proxy != Proxy::Backend || event > Event::FrontendHttpRequest;
        seen && sample.at_in(event, proxy)
    };
    if let Moment::Rule(rule) = moment {
        let action = match proxy {
            _ if !rule.line.word(0).starts_with("http-") => return None,
            Proxy::Backend if has(Event::BackendHttpRequest) => "http-request",
            _ if has(Event::FrontendHttpRequest) => "http-request",
            _ if has(Event::HttpResponse) => "http-response",
            _ => return None,
        };
        let (engine, group) = (&rule.engine.text, &rule.group.text);
        return Some(format!("write `{action} send-spoe-group {engine} {group}`"));
    }
    let of_handler = sent
        .handler
        .and_then(|it| it.event.as_deref()?.parse().ok());
    let usual = [
        Event::FrontendHttpRequest,
        Event::BackendHttpRequest,
        Event::HttpResponse,
        Event::FrontendTcpRequest,
        Event::BackendTcpRequest,
        Event::TcpResponse,
        Event::ServerSession,
    ];
    let mut events = of_handler.into_iter().chain(usual);
    let event = events.find(|event| has(*event))?;
    Some(format!(
        "write `event {}`, or use another sample",
        event.name()
    ))
}

/// Returns the event whose samples a rule has.
fn of_rule(case: &Case<'_>, rule: &GroupRule<'_>) -> Option<Event> {
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

/// Returns the argument of a handler that a word of `args` is for.
pub(super) fn argument<'a>(
    handler: &'a Message,
    given: &GivenArgument<'_>,
    index: usize,
) -> Option<&'a Argument> {
    handler
        .arguments
        .iter()
        .find(|argument| match argument.index {
            Some(place) => place == index,
            None => argument.name.is_some() && argument.name.as_deref() == given.name,
        })
}

/// A sample that may have no value, for an argument that its handler needs. The author of the
/// handler knows the sample that it names itself.
fn may_lack(
    case: &Case<'_>,
    of: &EngineMessage<'_, '_>,
    argument: Option<&Argument>,
    text: &str,
    found: &Sample,
    span: Span,
) -> Option<Finding> {
    let argument = argument.filter(|argument| argument.required)?;
    let handler = of.handler?;
    let lacks = |sample: &Sample| sample.may_be_missing();
    let wanted = argument.sample.as_deref().or(argument.guess.as_deref())?;
    let sure = sample(case, wanted).is_ok_and(|sample| !lacks(&sample));
    // `kinds` follows variables to the lines that set them.
    if !lacks(found) || !sure || text.starts_with("var(") || found.events().next().is_none() {
        return None;
    }
    let title = format!(
        "`{text}` may have no value, and the handler of `{}` needs one",
        handler.name
    );
    let (file, line) = &handler.location;
    let moments = of.engine.moments(of.message, case.rules);
    let is_clients = |it: Expression| {
        let mut events = moments.iter().filter_map(|moment| match moment {
            Moment::Event(event) => event.text.parse().ok(),
            Moment::Rule(rule) => of_rule(case, rule),
        });
        events.any(|event| it.origin_at(event).chooser() == Chooser::Client)
    };
    let may_not_parse = argument.expected.is_address()
        && matches!(found.kind(), Kind::Str | Kind::Bin)
        && Expression::parse(text).is_ok_and(is_clients);
    let (label, instead) = if may_not_parse {
        (
            "NULL if a request does not have it, else the client's text, which need not be an address",
            format!("`Option<Result<{}, Mismatch>>`", argument.rust_type),
        )
    } else {
        (
            "sent as NULL if a request does not have it",
            "an `Option`".to_owned(),
        )
    };
    Some(
        Finding::new(Code::SampleMayLack, title, span)
            .label(label)
            .note(format!(
                "`{}` ({file}:{line}) takes it as `{}`, and refuses such a message",
                handler.function, argument.rust_type
            ))
            .help(format!(
                "write `{wanted}`, or take {instead} in the handler"
            )),
    )
}

/// A sample of a type that the handler's parameter does not convert from.
fn unfit(
    handler: &Message,
    argument: &Argument,
    sample: &Sample,
    text: &str,
    wanted: Option<&str>,
    span: Span,
) -> Option<Finding> {
    if argument.expected.suits(sample.kind()) {
        return None;
    }
    let title = format!(
        "`{text}` gives {}, and the handler of `{}` takes `{}`",
        sample.kind(),
        handler.name,
        argument.rust_type
    );
    let finding = Finding::new(Code::SampleUnfit, title, span)
        .label(format!("{}", sample.kind()))
        .notes(handler.place());
    Some(match wanted {
        Some(wanted) => finding.help(format!("write `{wanted}`")),
        None => finding.help("use another sample, or another type in the handler"),
    })
}

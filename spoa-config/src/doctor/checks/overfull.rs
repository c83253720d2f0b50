//! Messages that a client can make too large for a frame.

use super::super::engine::{Engine, event, listed};
use super::super::steps::Step;
use super::super::{Case, Code, Finding};
use super::arguments::GivenArgument;
use super::frames::Limits;
use super::samples::expression;
use crate::read::{Line, Section, Span};
use spoa_facts::{Excess, Expression, Frame, Place, Sent};

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        let Some(limits) = Limits::of(case, engine) else {
            continue;
        };
        // Up to 3.0 HAProxy sends such messages in fragments, unless it is told not to.
        let fragments = case.before_3_1() == Some(true);
        let mut lines = engine.agent.lines.iter();
        let off = lines.any(|line| line.begins(&["no", "option", "send-frag-payload"]));
        if fragments && !off {
            continue;
        }
        for together in together(case, engine) {
            let wait = large_wait(case, &together);
            let found = of_notify(&together, limits, fragments, wait);
            // A frame that is too small is so for all of them.
            let of_frame = found
                .iter()
                .any(|it| Some(it.primary.span) == limits.stated);
            findings.extend(found);
            if of_frame {
                break;
            }
        }
    }
}

/// The messages that HAProxy sends in one NOTIFY, by event and by group.
fn together<'a>(case: &Case<'a>, engine: &Engine<'a>) -> Vec<Vec<&'a Section>> {
    let mut all: Vec<Vec<&'a Section>> = Vec::new();
    let mut events: Vec<&str> = Vec::new();
    // A second section of a name is refused.
    let mut messages: Vec<&'a Section> = Vec::new();
    for message in engine.messages() {
        if messages.iter().all(|it| it.title() != message.title()) {
            messages.push(message);
        }
    }
    let listed_here = |message: &&'a Section| {
        let mut words = engine.listed("messages");
        words.any(|word| word.text == message.title())
    };
    for message in messages.iter().copied().filter(listed_here) {
        let Some(event) = event(message).filter(|event| event.known) else {
            continue;
        };
        if !event.text.ends_with("-request") || events.contains(&event.text.as_str()) {
            continue;
        }
        events.push(&event.text);
        let same =
            |message: &&'a Section| self::event(message).is_some_and(|it| it.is(&event.text));
        let here: Vec<_> = messages
            .iter()
            .copied()
            .filter(listed_here)
            .filter(same)
            .collect();
        all.extend(alternatives(&here));
    }
    for group in engine.groups() {
        let sent = case.rules.iter().any(|rule| {
            let request = rule.line.word(0).ends_with("-request");
            request && rule.engine.is(engine.name()) && rule.group.is(group.title())
        });
        if sent {
            let listed: Vec<_> = listed(group, "messages").collect();
            let of_group =
                |message: &&'a Section| listed.iter().any(|word| word.text == message.title());
            all.push(messages.iter().copied().filter(of_group).collect());
        }
    }
    all
}

/// Messages with conditions may exclude each other, so each of these is checked alone.
fn alternatives<'a>(messages: &[&'a Section]) -> Vec<Vec<&'a Section>> {
    let conditional = |message: &&&'a Section| {
        let mut events = message.lines.iter();
        let last = events.rfind(|line| line.begins(&["event"]));
        last.is_some_and(|line| line.words.len() > 2)
    };
    let (some, always): (Vec<&'a Section>, Vec<&'a Section>) = {
        let (some, always): (Vec<_>, Vec<_>) = messages.iter().partition(conditional);
        (some, always)
    };
    if some.is_empty() {
        return vec![always];
    }
    let with = |message: &'a Section| {
        let of_both = messages.iter().copied();
        of_both
            .filter(|it| {
                std::ptr::eq(*it, message) || always.iter().any(|one| std::ptr::eq(*one, *it))
            })
            .collect()
    };
    some.into_iter().map(with).collect()
}

/// An argument with its name, its expression and where it is.
struct SentArgument<'a> {
    name: &'a str,
    text: &'a str,
    span: Span,
    expression: Option<Expression>,
}

/// Returns the rule that waits for a body in a large buffer before one of these messages is sent.
fn large_wait<'a>(case: &Case<'a>, messages: &[&Section]) -> Option<&'a Line> {
    let of_these = |step: &&Step<'_>| {
        let sent = step.message.map(|sent| sent.section);
        sent.is_some_and(|section| messages.iter().any(|it| std::ptr::eq(*it, section)))
    };
    let large = |step: &&Step<'_>| {
        let mut words = step.line.words.iter();
        words.any(|word| word.is("use-large-buffer"))
    };
    case.paths
        .iter()
        .find_map(|path| {
            let mut sends = path.steps.iter().filter(of_these);
            sends.find_map(|send| path.waits(send.at, false).find(large))
        })
        .map(|step| step.line)
}

fn of_notify(
    messages: &[&Section],
    limits: Limits,
    fragments: bool,
    wait: Option<&Line>,
) -> Option<Finding> {
    let arguments: Vec<Vec<SentArgument<'_>>> = messages
        .iter()
        .map(|message| {
            let given = GivenArgument::all(message);
            given
                .into_iter()
                .filter_map(|given| {
                    let (text, span) = expression(&given)?;
                    Some(SentArgument {
                        name: given.name.unwrap_or_default(),
                        text,
                        span,
                        expression: Expression::parse(text).ok(),
                    })
                })
                .collect()
        })
        .collect();
    let frame = Frame {
        size: limits.size,
        request: limits.request,
        large_body: limits.large_body.filter(|_| wait.is_some()),
    };
    let excess = excess(&frame, messages, &arguments, None)?;
    let why = if fragments {
        "`no option send-frag-payload` keeps HAProxy from sending it in fragments"
    } else {
        "HAProxy from 3.1 on then sends nothing (error 3), so the agent does not see the request"
    };
    let note = format!(
        "a message may need up to {} bytes, and a frame holds {}; {why}",
        excess.bytes, excess.room
    );
    let at = |&(message, argument): &(usize, usize)| arguments.get(message)?.get(argument);
    // With a frame as large as it can be, all may fit.
    let full = Frame {
        size: limits.most,
        ..frame
    };
    if let (Some(span), None) = (
        limits.stated,
        self::excess(&full, messages, &arguments, None),
    ) {
        let title = "a client can send more than this frame holds";
        return Some(
            Finding::new(Code::FrameOverfull, title, span)
                .label("smaller than the requests that HAProxy can hold")
                .note(note)
                .help("remove the line"),
        );
    }
    let (last, others) = excess.carriers.split_last()?;
    let last_one = at(last)?;
    let title = format!(
        "a client can make {} too large to be sent",
        spoa_facts::all_of(
            messages
                .iter()
                .map(|message| message.title())
                .collect::<Vec<_>>()
        )
    );
    let wait = wait.filter(|_| excess.place == Place::Body);
    let label = match (wait, others) {
        (Some(_), []) => "up to a large buffer".to_owned(),
        _ => excess.to_string(),
    };
    let mut finding = Finding::new(Code::FrameOverfull, title, last_one.span).label(label);
    for other in others.iter().filter_map(at) {
        finding = finding.context(other.span, "the same bytes");
    }
    if let Some(wait) = wait {
        finding = finding.context(wait.span(), "waits for more than a frame holds");
    }
    let finding = finding.note(note);
    // How short the last one has to be for all to fit.
    let cut = [12_288, 8192, 4096, 2048, 1024, 512, 256]
        .into_iter()
        .find_map(|most| {
            let text = format!("{},bytes(0,{most})", last_one.text);
            let shorter = Expression::parse(&text).ok()?;
            self::excess(&frame, messages, &arguments, Some((*last, &shorter)))
                .is_none()
                .then_some(text)
        });
    Some(match (cut, others.is_empty()) {
        (Some(cut), true) => finding.help(format!(
            "write `{cut}`: the handler then gets only these bytes"
        )),
        (Some(cut), false) => finding.help(format!(
            "write `{cut}`, or remove this argument if the other one is enough for the handler"
        )),
        (None, _) => finding.help("remove arguments that carry the same bytes"),
    })
}

/// Returns the samples that a client can make too large, with one of them replaced.
fn excess(
    frame: &Frame,
    messages: &[&Section],
    arguments: &[Vec<SentArgument<'_>>],
    instead: Option<((usize, usize), &Expression)>,
) -> Option<Excess> {
    let sent: Vec<_> = messages
        .iter()
        .zip(arguments)
        .enumerate()
        .map(|(m, (message, arguments))| Sent {
            name: message.title(),
            args: arguments
                .iter()
                .enumerate()
                .map(|(a, argument)| {
                    let replaced = instead.filter(|(at, _)| *at == (m, a));
                    let expression = replaced.map(|(_, expression)| expression);
                    (argument.name, expression.or(argument.expression.as_ref()))
                })
                .collect(),
        })
        .collect();
    frame.excess(&sent)
}

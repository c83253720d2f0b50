//! The bytes of a frame: bodies are cut to what the other arguments leave, and a message that a client can
//! still make too large is reported.

use super::argument::Arg;
use super::options::{Fail, RequestLogging};
use super::plan::{Plan, Planned, Proof};
use crate::ANSWERED;
use spoa_facts::{Event, Expression, Frame, Sent};

/// Cuts bodies, and warns of messages that HAProxy would not send.
pub(super) fn decide(plan: &mut Plan<'_>) {
    let frame = frame(plan);
    for together in together(plan) {
        cut(plan, frame, &together);
        let members = members(plan, &together);
        // A server chooses the size of a response.
        if members
            .iter()
            .any(|planned| planned.earliest == Event::HttpResponse)
        {
            continue;
        }
        let parsed = parsed(plan, &members, None);
        let sent = sent(&members, &parsed);
        let Some(excess) = frame.excess(&sent) else {
            continue;
        };
        let Some((first, _)) = excess.carriers.first() else {
            continue;
        };
        let Some(planned) = members.get(*first) else {
            continue;
        };
        let names: Vec<_> = sent.iter().map(|it| format!("`{}`", it.name)).collect();
        let what = match names.as_slice() {
            [one] => format!("message {one}"),
            names => format!("messages {}, which travel together,", names.join(" and ")),
        };
        let message = planned.message;
        let text = format!(
            "a client can make {what} too large for a frame: {excess}. HAProxy from 3.1 on then sends \
             nothing, and no handler is asked. Take these bytes once, cut them with `bytes(0,N)`, or \
             deny the request with `--fail closed`"
        );
        plan.warn(message, text);
    }
}

/// Returns the frame that HAProxy and the agent agree on.
fn frame(plan: &Plan<'_>) -> Frame {
    let buffers = plan.options.buffers;
    let size = match plan.agent.max_frame_size {
        0 => buffers.frame(),
        size => size.min(buffers.frame()),
    };
    Frame {
        size: size as usize,
        request: buffers.request() as usize,
        // `config` writes no `use-large-buffer`, and cuts bodies to the frame.
        large_body: None,
    }
}

/// Returns the messages of each NOTIFY, by their positions.
fn together(plan: &Plan<'_>) -> Vec<Vec<usize>> {
    let mut together: Vec<Vec<usize>> = Vec::new();
    for (index, planned) in plan.messages.iter().enumerate() {
        let same = |other: &&mut Vec<usize>| {
            let other = other.first().and_then(|first| plan.messages.get(*first));
            other.is_some_and(|other| key(other) == key(planned))
        };
        match together.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => together.push(vec![index]),
        }
    }
    together
}

/// Returns a key that messages of one NOTIFY share: the event or the group, and the condition.
fn key<'p>(planned: &'p Planned<'_>) -> (Option<&'p str>, Option<&'p str>, Option<&'p str>) {
    let condition = planned.message.condition.as_deref();
    (planned.event, planned.group.as_deref(), condition)
}

fn members<'p, 'a>(plan: &'p Plan<'a>, positions: &[usize]) -> Vec<&'p Planned<'a>> {
    let members = positions.iter().filter_map(|it| plan.messages.get(*it));
    members.collect()
}

/// Cuts all whole bodies of a NOTIFY to one length.
fn cut(plan: &mut Plan<'_>, frame: Frame, together: &[usize]) {
    let length = {
        let members = members(plan, together);
        let bodies = members.iter().flat_map(|planned| &planned.args);
        let bodies = bodies.filter(|arg| is_whole_body(arg)).count();
        if bodies == 0 {
            return;
        }
        let parsed_whole = parsed(plan, &members, None);
        let left = frame.left(&sent(&members, &parsed_whole)) / bodies;
        let fits = |length: usize| {
            let parsed = parsed(plan, &members, Some(length));
            frame.excess(&sent(&members, &parsed)).is_none()
        };
        // If the others do not fit on their own, a shorter body does not help.
        if fits(left) || !fits(0) {
            left
        } else {
            largest(left, fits)
        }
    };
    for index in together {
        let Some(planned) = plan.messages.get_mut(*index) else {
            continue;
        };
        for arg in &mut planned.args {
            if is_whole_body(arg) {
                if let Arg::Known { sample, .. } = arg {
                    *sample = shortened(sample, length);
                }
            }
        }
    }
}

/// Returns the largest number below `limit` that fits; 0 fits, and `limit` does not.
fn largest(limit: usize, fits: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, limit);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if fits(middle) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns whether an argument is a body without a limit on its length.
fn is_whole_body(arg: &Arg) -> bool {
    if arg.fetches(&["res.body"]) {
        return arg.sample() == Some("res.body");
    }
    let endless = |expression: Expression| expression.origin().most().is_none();
    arg.fetches(&["req.body"]) && arg.expression().is_some_and(endless)
}

fn shortened(sample: &str, length: usize) -> String {
    format!("{sample},bytes(0,{length})")
}

/// The arguments of each message: names, and expressions as far as HAProxy's tables know them.
type Parsed = Vec<Vec<(String, Option<Expression>)>>;

/// Parses the arguments of messages, with bodies that are cut to a length.
fn parsed(plan: &Plan<'_>, members: &[&Planned<'_>], length: Option<usize>) -> Parsed {
    let of_message = |planned: &&Planned<'_>| {
        let mut args = Vec::new();
        if let (Fail::Closed, Proof::Sign(sign)) = (plan.options.fail, &planned.proof) {
            let asked = sign.asked.as_ref();
            args.extend(asked.map(|name| (ANSWERED.to_owned(), format!("str({name})"))));
        }
        if plan.options.request_logging.is_some() {
            args.push((RequestLogging::ARGUMENT.to_owned(), "unique-id".to_owned()));
        }
        for arg in &planned.args {
            let sample = arg.sample().unwrap_or_default();
            let sample = match length {
                Some(length) if is_whole_body(arg) => shortened(sample, length),
                _ => sample.to_owned(),
            };
            args.push((arg.name().to_owned(), sample));
        }
        let parsed = args.into_iter();
        let parsed = parsed.map(|(name, sample)| (name, Expression::parse(&sample).ok()));
        parsed.collect()
    };
    members.iter().map(of_message).collect()
}

fn sent<'e>(members: &[&'e Planned<'_>], parsed: &'e Parsed) -> Vec<Sent<'e>> {
    let messages = members.iter().zip(parsed);
    let sent = messages.map(|(planned, args)| Sent {
        name: &planned.message.name,
        args: args
            .iter()
            .map(|(name, it)| (name.as_str(), it.as_ref()))
            .collect(),
    });
    sent.collect()
}

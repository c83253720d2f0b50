//! Whether a client can make a message too large for a frame.
//!
//! It must not know sizes: `spoa_facts` does.

use super::plan::{FRAME, Plan, Planned};
use spoa_facts::{Event, Expression, Frame, Sent};

/// Warns of the messages that HAProxy would not send.
pub(super) fn check(plan: &mut Plan<'_>) {
    let mut together: Vec<Vec<usize>> = Vec::new();
    // A server chooses what a response holds.
    let early = |planned: &Planned<'_>| planned.earliest != Event::HttpResponse;
    let messages = plan.messages.iter().enumerate();
    for (index, planned) in messages.filter(|(_, planned)| early(planned)) {
        let same = |other: &&mut Vec<usize>| {
            let other = other.first().and_then(|first| plan.messages.get(*first));
            other.is_some_and(|other| key(other) == key(planned))
        };
        match together.iter_mut().find(same) {
            Some(group) => group.push(index),
            None => together.push(vec![index]),
        }
    }
    let size = plan.agent.max_frame_size;
    let frame = Frame {
        size: match size {
            0 => FRAME as usize,
            size => size.min(FRAME) as usize,
        },
        ..Frame::default()
    };
    let mut warnings = Vec::new();
    for group in together {
        let members: Vec<_> = group
            .iter()
            .filter_map(|it| plan.messages.get(*it))
            .collect();
        let parsed: Vec<Vec<(String, Option<Expression>)>> =
            members.iter().map(|planned| parsed(planned)).collect();
        let sent = members.iter().zip(&parsed).map(|(planned, args)| Sent {
            name: &planned.message.name,
            args: args
                .iter()
                .map(|(name, it)| (name.as_str(), it.as_ref()))
                .collect(),
        });
        let sent: Vec<_> = sent.collect();
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
        warnings.push((
            planned.message,
            format!(
                "a client can make {what} too large for a frame: {excess}. HAProxy from 3.1 on then sends \
                 nothing, and no handler is asked. Take these bytes once, cut them with `bytes(0,N)`, or \
                 deny the request with `--fail closed`"
            ),
        ));
    }
    for (message, text) in warnings {
        plan.warn(message, text);
    }
}

/// What messages have in common that travel together for certain.
fn key<'p>(planned: &'p Planned<'_>) -> (Option<&'p str>, Option<&'p str>, Option<&'p str>) {
    let condition = planned.message.condition.as_deref();
    (planned.event, planned.group.as_deref(), condition)
}

fn parsed(planned: &Planned<'_>) -> Vec<(String, Option<Expression>)> {
    let args = planned.args.iter().map(|arg| {
        let expression = arg
            .sample()
            .and_then(|sample| Expression::parse(sample).ok());
        (String::new(), expression)
    });
    args.collect()
}

//! When each message is sent: at an event, or with a group by a rule.

use super::argument::{Arg, attribute, placeholder, shown};
use super::cache;
use super::condition;
use super::plan::{Group, Plan, Planned, Proof};
use crate::{Argument, Message, Series};
use spoa_facts::{Event, Expression};

/// Decides when each message is sent.
pub(super) fn decide(plan: &mut Plan<'_>) {
    let agent = plan.agent;
    for message in &agent.messages {
        let planned = planned(plan, message);
        plan.messages.push(planned);
    }
    groups(plan);
}

fn planned<'a>(plan: &mut Plan<'a>, message: &'a Message) -> Planned<'a> {
    let args = args(plan, message);
    let earliest = earliest(args.iter().filter_map(Arg::sample), plan.options.series);
    if let Some(condition) = &message.condition {
        for name in condition::names(condition) {
            let text = format!(
                "the condition of message `{}` names the ACL `{name}`, which spoe.conf does not \
                 have: write its test in braces, such as `{{ src 10.0.0.0/8 }}`",
                message.name
            );
            plan.warn(message, text);
        }
    }
    let wanted = message.event.as_deref().unwrap_or(earliest.name());
    let mut planned = Planned {
        message,
        args,
        earliest,
        wanted,
        event: None,
        group: message.group.clone(),
        proof: Proof::Missing(String::new()),
    };
    // These events come before the body, and before all rules that could wait for it.
    let too_early = match wanted {
        "on-http-response" => planned.has_response_body(),
        "on-frontend-http-request" => planned.has_request_body() && !plan.buffers_bodies(),
        _ => false,
    };
    let kept = cache::takes(plan, message, wanted);
    if planned.group.is_none() && (too_early || kept) {
        planned.group = Some(body_group(plan, message));
    }
    planned.event = Some(wanted).filter(|_| planned.group.is_none());
    planned
}

/// Returns a name for the group of a message without one, which no other group has.
fn body_group(plan: &Plan<'_>, message: &Message) -> String {
    let taken = |name: &str| {
        let messages = plan.agent.messages.iter();
        let mut groups = messages.filter_map(|it| it.group.as_deref());
        groups.any(|group| group == name)
    };
    let mut name = message.name.clone();
    while taken(&name) {
        name.push_str("-body");
    }
    name
}

/// Returns the arguments in their order: those with a position at theirs, the others around them.
fn args(plan: &mut Plan<'_>, message: &Message) -> Vec<Arg> {
    let arguments = message.arguments.iter();
    let (placed, named): (Vec<_>, Vec<_>) = arguments.partition(|arg| arg.index.is_some());
    let last = placed.iter().filter_map(|arg| arg.index).max();
    let mut named = named.into_iter();
    let mut args = Vec::new();
    for place in 0..last.map_or(0, |last| last + 1) {
        let here = placed.iter().find(|arg| arg.index == Some(place));
        args.push(match here.copied().or_else(|| named.next()) {
            Some(argument) => arg(plan, message, argument, true),
            None => Arg::filler(),
        });
    }
    for argument in named {
        args.push(arg(plan, message, argument, false));
    }
    args
}

fn arg(plan: &mut Plan<'_>, message: &Message, argument: &Argument, keeps_place: bool) -> Arg {
    if let Some(arg) = Arg::of(argument) {
        return arg;
    }
    let arg = Arg::without_sample(argument, keeps_place);
    let instead = match &arg {
        Arg::Left(_) => "is not sent".to_owned(),
        _ => format!("is `{}`", placeholder(argument.expected)),
    };
    let text = format!(
        "argument `{}: {}` of message `{}` {instead}, since nothing says where HAProxy gets \
         it: write `{}` before it",
        shown(argument),
        argument.rust_type,
        message.name,
        attribute(argument),
    );
    plan.warn(message, text);
    arg
}

fn groups(plan: &mut Plan<'_>) {
    let mut groups: Vec<Group<'_>> = Vec::new();
    let mut differ = Vec::new();
    for planned in &plan.messages {
        let Some(name) = &planned.group else {
            continue;
        };
        let condition = planned.message.condition.as_deref();
        match groups.iter_mut().find(|group| group.name == *name) {
            Some(group) => {
                group.request_body |= planned.has_request_body();
                group.response_body |= planned.has_response_body();
                group.messages.push(&planned.message.name);
                group.earliest = group.earliest.max(planned.earliest);
                match (group.condition, condition) {
                    (None, condition) => group.condition = condition,
                    (Some(one), Some(other)) if one != other => differ.push(planned.message),
                    _ => {}
                }
            }
            None => groups.push(Group {
                by_rules: by_rules(plan, name),
                name: name.clone(),
                request_body: planned.has_request_body(),
                response_body: planned.has_response_body(),
                messages: vec![&planned.message.name],
                earliest: planned.earliest,
                condition,
            }),
        }
    }
    // HAProxy runs `tcp-request` rules before all others and wants them written before them.
    groups.sort_by_key(|group| group.earliest);
    plan.groups = groups;
    for message in differ {
        let text = format!(
            "the condition of message `{}` is not written: one rule sends all of its group, and \
             another message of that has another condition. Give it a group of its own",
            message.name
        );
        plan.warn(message, text);
    }
}

/// Returns whether the site's own rules send a group.
fn by_rules(plan: &Plan<'_>, group: &str) -> bool {
    let mut rules = plan.rules();
    rules.any(|words| {
        let mut places = words.windows(3);
        places.any(|words| words == ["send-spoe-group", plan.engine.as_str(), group])
    })
}

/// Returns the earliest event at which all of these samples are there, on HAProxy of a series and later.
///
/// HAProxy's table does not have fetches in Lua and the like: most of them are about requests.
pub(super) fn earliest<'s>(samples: impl Iterator<Item = &'s str>, series: Series) -> Event {
    let events = samples.map(|sample| {
        let expression = Expression::parse_word(sample).ok();
        let earliest = expression.and_then(|expression| expression.earliest(series));
        earliest.unwrap_or(Event::FrontendHttpRequest)
    });
    events.max().unwrap_or(Event::ClientSession)
}

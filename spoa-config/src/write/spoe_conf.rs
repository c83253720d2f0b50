//! `spoe.conf`.

use super::argument::Arg;
use super::durations::time;
use super::options::{Fail, Watch};
use super::plan::{ERROR, Plan, Planned, Proof};
use super::text::Text;
use crate::{ANSWERED, Series};
use spoa_facts::Event;

/// Returns the whole file.
pub(super) fn file(plan: &Plan<'_>) -> String {
    let mut text = Text::default();
    let Plan { engine, agent, .. } = plan;
    text.heading(&format!(
        "The messages that HAProxy {} sends to `{}`, and when. The name in brackets is that of `engine` in \
         `filter spoe engine {engine} …`; the messages and their arguments are those of the handlers.",
        series(plan.options.series),
        agent.name,
    ));
    text.touching(&format!("[{engine}]"));
    agent_section(plan, &mut text);
    for planned in plan.messages.iter().filter(|it| it.event.is_some()) {
        message(plan, planned, &mut text);
    }
    for group in &plan.groups {
        text.section(&format!("spoe-group {}", group.name));
        text.list("messages", group.messages.iter().copied());
        let of_group = |planned: &&Planned<'_>| planned.group.as_deref() == Some(&group.name);
        for planned in plan.messages.iter().filter(of_group) {
            message(plan, planned, &mut text);
        }
    }
    text.into_string()
}

/// Returns the oldest series that the file is for, and a word for the later ones.
fn series(series: Series) -> String {
    if Series::ALL.last() == Some(&series) {
        series.to_string()
    } else {
        format!("{series} and later")
    }
}

fn agent_section(plan: &Plan<'_>, text: &mut Text) {
    let Plan { engine, prefix, .. } = plan;
    text.section(&format!("spoe-agent {engine}-agent"));
    let with_event = plan.messages.iter().filter(|it| it.event.is_some());
    let names: Vec<_> = with_event.map(|it| it.message.name.as_str()).collect();
    if !names.is_empty() {
        text.comment(
            "Sent at their events. The messages of one event travel together, and so do their answers. The \
             events ask for an agent that is up: while the health checks find none, no request waits \
             for `timeout processing`.",
        );
        text.list("messages", names);
    }
    if !plan.groups.is_empty() {
        text.comment("Sent where a rule of the frontend says `send-spoe-group`.");
        text.list(
            "groups",
            plan.groups.iter().map(|group| group.name.as_str()),
        );
    }
    text.blank();

    let first = plan
        .agent
        .messages
        .iter()
        .flat_map(|it| &it.variables)
        .next();
    match first {
        Some(first) => text.comment(&format!(
            "Part of the name of every variable that the agent sets: {}.",
            plan.variable(first)
        )),
        None => text.comment("Part of the name of every variable that the agent sets."),
    }
    text.line(&format!("option var-prefix {prefix}"));
    let variables = plan.agent.messages.iter().flat_map(|it| &it.variables);
    let mut registered: Vec<_> = variables
        .filter(|variable| variable.scope == "proc")
        .map(|variable| variable.name.as_str())
        .collect();
    registered.sort_unstable();
    registered.dedup();
    if !registered.is_empty() {
        text.comment("HAProxy takes variables of `proc` only by names that it has read somewhere.");
        text.list("register-var-names", registered);
    }
    text.blank();

    text.comment(&format!(
        "If no answer comes, HAProxy sets txn.{prefix}.{ERROR} to a number that says why: 1 that it \
         took longer than `timeout processing`, 256 and more that the connection failed. While no agent is \
         up nothing is sent: a rule of the frontend then sets it to `down`. It must not be a name that \
         the agent sets as well."
    ));
    text.line(&format!("option set-on-error {ERROR}"));
    text.comment(
        "Without this, one event without an answer would be the last that is sent for its request or \
         its session, and all that follow would go without an answer in turn.",
    );
    text.line("option continue-on-error");
    text.comment("Several NOTIFYs wait on one connection for answers that come in any order.");
    text.line("option pipelining");
    let size = plan.agent.max_frame_size;
    if size != 0 && size < plan.options.buffers.frame() {
        text.comment("The agent agrees to no more, in bytes.");
        text.line(&format!("max-frame-size {size}"));
    }
    text.blank();

    if plan.options.series < Series::V3_2 {
        text.comment(
            "Until the agent has said HELLO on a new connection, and until an unused one is closed. \
             HAProxy from 3.1 on ignores both.",
        );
        text.line("timeout hello 2s");
        text.line("timeout idle 2m");
    }
    let deadlines = plan.agent.messages.iter().filter_map(|it| it.deadline);
    let why = match deadlines.max() {
        Some(longest) => format!(
            " No handler takes longer than {}: one that is late costs its own variables only, not \
             those of all that travel with it.",
            time(longest)
        ),
        None => String::new(),
    };
    text.comment(&format!(
        "How long a request waits for an answer at most; it then goes on without one.{why}"
    ));
    text.line(&format!("timeout processing {}", time(plan.processing)));
    text.blank();

    text.comment("A backend of haproxy.cfg.");
    text.line(&format!("use-backend {}", plan.backend));
    text.blank();
    text.comment("A line for each event that got no answer, none for those that did.");
    text.line("log global");
    text.line("option dontlog-normal");
}

fn message(plan: &Plan<'_>, planned: &Planned<'_>, text: &mut Text) {
    let message = planned.message;
    text.blank();
    text.verbatim_comment(&message.docs);
    text.heading(&format!("Answered by `{}`.", message.function));
    text.touching(&format!("spoe-message {}", message.name));
    args(plan, planned, text);
    let Some(event) = planned.event else {
        if message.group.is_none() {
            text.comment(&format!(
                "A group of its own, without an event: a rule of the frontend waits for the body first. The \
                 event `{}` comes before it.",
                planned.wanted
            ));
        }
        return;
    };
    if message.event.is_none() {
        text.comment(&format!(
            "The handler does not say when (`event = \"…\"`): here, because {}.",
            reason(planned.earliest)
        ));
    }
    let condition = plan.while_up(message.condition.as_deref());
    text.line(&format!("event {event} {condition}"));
}

fn args(plan: &Plan<'_>, planned: &Planned<'_>, text: &mut Text) {
    let mut words = Vec::new();
    if let (Fail::Closed, Proof::Sign(sign)) = (plan.options.fail, &planned.proof) {
        if let Some(name) = &sign.asked {
            text.comment(&format!(
                "The first argument asks the agent to set {} once the handler has succeeded: a rule of the \
                 frontend asks for it.",
                sign.variable
            ));
            words.push(format!("{ANSWERED}=str({name})"));
        }
    }
    for arg in &planned.args {
        match arg {
            Arg::Known { .. } => {}
            Arg::Placeholder(_, name) => text.comment(&format!(
                "TODO: say where HAProxy gets `{name}`; until then it is a placeholder."
            )),
            Arg::Left(name) => text.comment(&format!(
                "TODO: say where HAProxy gets `{name}`; until then the handler goes without it."
            )),
        }
        words.extend(arg.word());
    }
    if plan.options.watch.is_some() {
        words.push(format!("{}=unique-id", Watch::ARGUMENT));
    }
    text.list("args", words.iter().map(String::as_str));
}

/// Returns why a message is sent at an event, to complete "because".
fn reason(earliest: Event) -> &'static str {
    match earliest {
        Event::ClientSession => "no argument needs more than the connection",
        Event::FrontendTcpRequest => "an argument needs what the client sends first",
        Event::HttpResponse => "an argument needs the response",
        _ => "an argument needs the request",
    }
}

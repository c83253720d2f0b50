//! `spoe.conf`.

use super::argument::Arg;
use super::durations::time;
use super::options::{Fail, RequestLogging};
use super::plan::{ERROR, Plan, Planned, Proof};
use super::text::Text;
use crate::{ANSWERED, Series};
use spoa_facts::Event;

/// Returns the whole file.
pub(super) fn file(plan: &Plan<'_>) -> String {
    let mut text = Text::default();
    let Plan { engine, agent, .. } = plan;
    text.heading(&format!(
        "The messages that HAProxy {} sends to `{}`, and when. The name in brackets is the one in \
         `filter spoe engine {engine} …`. The messages and their arguments come from the handlers.",
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
            "HAProxy sends these messages at their events. The messages of one event share a frame, and so do \
             their answers. While no agent is up, the conditions of the events keep HAProxy from sending, so \
             that no request waits for `timeout processing`.",
        );
        text.list("messages", names);
    }
    if !plan.groups.is_empty() {
        text.comment("Rules of the frontend send these groups with `send-spoe-group`.");
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
        text.comment("HAProxy takes a variable of `proc` only if its name is registered.");
        text.list("register-var-names", registered);
    }
    text.blank();

    text.comment(&format!(
        "If HAProxy gets no answer, it sets txn.{prefix}.{ERROR} to the reason: 1 if the answer took \
         longer than `timeout processing`, 256 or more if the connection failed. While no agent is up, a rule \
         of the frontend sets it to `down`. The agent must not set a variable of this name."
    ));
    text.line(&format!("option set-on-error {ERROR}"));
    text.comment(
        "Keeps asking after an error. Without this line, HAProxy sends no more messages of a request or \
         session once one event got no answer.",
    );
    text.line("option continue-on-error");
    text.comment("Lets HAProxy send a NOTIFY before the previous one is answered. Answers may come in any order.");
    text.line("option pipelining");
    let size = plan.agent.max_frame_size;
    if size != 0 && size < plan.options.buffers.frame() {
        text.comment("The largest frame that the agent accepts, in bytes.");
        text.line(&format!("max-frame-size {size}"));
    }
    text.blank();

    if plan.options.series < Series::V3_2 {
        text.comment(
            "How long HAProxy waits for the agent's HELLO on a new connection, and how long it keeps an unused \
             one. HAProxy 3.1 and later ignore both.",
        );
        text.line("timeout hello 2s");
        text.line("timeout idle 2m");
    }
    let timeouts = plan.agent.messages.iter().filter_map(|it| it.timeout);
    let why = match timeouts.max() {
        Some(longest) => format!(
            " Handlers end after {} at the latest, so a late one loses only its own variables, not those \
             of the other messages in its frame.",
            time(longest)
        ),
        None => String::new(),
    };
    text.comment(&format!(
        "The longest time that a request waits for an answer, before it goes on without one.{why}"
    ));
    text.line(&format!("timeout processing {}", time(plan.processing)));
    text.blank();

    text.comment("The backend in haproxy.cfg that has the agents.");
    text.line(&format!("use-backend {}", plan.backend));
    text.blank();
    text.comment("Logs each event that got no answer, and no others.");
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
                "This message has a group instead of the event `{}`, which comes before the body. A rule of the \
                 frontend waits for the body, then sends the group.",
                planned.wanted
            ));
        }
        return;
    };
    if message.event.is_none() {
        text.comment(&format!(
            "The handler names no event (`event = \"…\"`). This one fits, since {}.",
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
                "The first argument asks the agent to set {} when the handler has succeeded. A rule of the \
                 frontend tests this variable.",
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
                "TODO: say where HAProxy gets `{name}`; until then the handler runs without it."
            )),
        }
        words.extend(arg.word());
    }
    if plan.options.request_logging.is_some() {
        words.push(format!("{}=unique-id", RequestLogging::ARGUMENT));
    }
    text.list("args", words.iter().map(String::as_str));
}

/// Returns why a message is sent at an event, to complete "since".
fn reason(earliest: Event) -> &'static str {
    match earliest {
        Event::ClientSession => "no argument needs more than the connection",
        Event::FrontendTcpRequest => "an argument needs what the client sends first",
        Event::HttpResponse => "an argument needs the response",
        _ => "an argument needs the request",
    }
}

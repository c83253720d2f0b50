//! The agent as plain data, for all that is written or checked about its HAProxy.
//!
//! It is the one place that knows both the handlers and `spoa_config`.

use crate::agent::Limits;
use crate::handler::__macros::{
    ArgumentDescription, Description, HeaderChange, VerdictDescription,
};
use crate::handler::{Definition, Fetch, Presence, Run, When};
use spoa_config as config;

/// The agent with these handlers, in this order.
pub(super) fn agent(
    name: &str,
    handlers: &[&'static Definition],
    listeners: Vec<String>,
    limits: &Limits,
) -> config::Agent {
    let named = handlers.iter().filter_map(|handler| {
        let name = handler.message_name()?;
        Some(message(name, handler, limits))
    });
    config::Agent {
        name: name.to_owned(),
        messages: named.collect(),
        fallback: handlers
            .iter()
            .any(|handler| handler.message_name().is_none()),
        listeners,
        max_frame_size: limits.max_frame_size,
        tls: None,
    }
}

fn message(name: &str, handler: &Definition, limits: &Limits) -> config::Message {
    let description = handler.description();
    let (file, line) = handler.location();
    let variables = description.variables.iter();
    config::Message {
        name: name.to_owned(),
        function: handler.function().to_owned(),
        location: (file.to_owned(), line),
        docs: handler.docs().to_owned(),
        deadline: match handler.run {
            // Nothing can interrupt it.
            Run::Sync(_) => None,
            Run::Async(_) | Run::Blocking(_) => handler.timeout().or(limits.handler_timeout),
        },
        event: handler.event().map(str::to_owned),
        condition: handler.condition().map(str::to_owned),
        group: handler.group().map(str::to_owned),
        verdicts: description.verdicts.iter().map(|it| verdict(it)).collect(),
        complete: !description.open,
        arguments: arguments(handler, &description),
        variables: variables
            .map(|variable| config::Variable {
                scope: variable.scope.to_string(),
                name: variable.name.to_owned(),
                rust_type: variable.rust_type.map(str::to_owned),
                presence: match variable.presence {
                    Presence::Always => config::Presence::Always,
                    Presence::Sometimes => config::Presence::Sometimes,
                    Presence::Unknown => config::Presence::Unknown,
                },
            })
            .collect(),
    }
}

/// What a verdict can be.
pub(super) fn verdict(verdict: &VerdictDescription) -> config::Verdict {
    let names = &verdict.variables;
    let outcomes = verdict.outcomes.iter().filter_map(|it| {
        Some(config::Outcome {
            action: config::Action::named(it.action)?,
            status: Some(it.status).filter(|status| *status != 0),
        })
    });
    let headers = verdict.headers.iter().map(|it| config::HeaderRule {
        of_response: it.of_response,
        change: match it.change {
            HeaderChange::Set => config::HeaderChange::Set,
            HeaderChange::Add => config::HeaderChange::Add,
            HeaderChange::Remove => config::HeaderChange::Remove,
        },
        name: it.name.map(str::to_owned),
        variable: it.variable.to_owned(),
    });
    config::Verdict {
        declared_by: verdict.declared_by.to_owned(),
        action: names.action.to_owned(),
        status: names.status.to_owned(),
        data: names.data.to_owned(),
        content_type: names.content_type.to_owned(),
        reason: names.reason.to_owned(),
        outcomes: outcomes.collect(),
        headers: headers.collect(),
    }
}

fn arguments(handler: &Definition, description: &Description) -> Vec<config::Argument> {
    let samples = description.arguments.iter();
    let when = When::of(
        handler.event(),
        samples.filter_map(|argument| argument.sample),
    );
    let arguments = description.arguments.iter();
    arguments.map(|it| argument(it, when)).collect()
}

fn argument(argument: &ArgumentDescription, when: When) -> config::Argument {
    let name = argument.name.filter(|_| argument.index.is_none());
    let guess = match argument.sample {
        Some(_) => None,
        // What is taken by its place has a name in Rust only, and that is a word like any other.
        None => argument
            .name
            .and_then(|name| Fetch::named(name, argument.expected, when)),
    };
    config::Argument {
        name: name.map(str::to_owned),
        index: argument.index,
        rust_type: argument.rust_type.clone().into_owned(),
        expected: argument.expected.known(),
        required: argument.required,
        sample: argument.sample.map(str::to_owned),
        guess: guess.map(|fetch| fetch.fetch.to_owned()),
    }
}

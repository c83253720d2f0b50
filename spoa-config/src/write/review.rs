//! Warnings about the parts of a plan that only a person can complete.

use super::configuration::Warning;
use super::plan::Plan;
use spoa_facts::{Event, MAX_VARIABLE};

/// Warns of variables that HAProxy drops silently, since their whole names are too long.
pub(super) fn names(plan: &mut Plan<'_>) {
    let agent = plan.agent;
    for message in &agent.messages {
        for variable in &message.variables {
            let name = plan.variable(variable);
            if name.len() > MAX_VARIABLE {
                let text = format!(
                    "HAProxy drops `{name}`, since the name has {} characters and may have \
                     {MAX_VARIABLE}: write a shorter `--prefix`",
                    name.len()
                );
                plan.warn(message, text);
            }
        }
    }
}

/// Warns of messages that HAProxy sends before it has the key.
pub(super) fn keys(plan: &mut Plan<'_>) {
    let Some(sticky) = plan.sticky.as_ref().filter(|sticky| !sticky.by_session) else {
        return;
    };
    let sample = plan.options.sticky.clone().unwrap_or_default();
    let rule = sticky.rule.clone();
    let early = [Event::ClientSession, Event::FrontendTcpRequest].map(Event::name);
    let messages = plan.messages.iter();
    let messages: Vec<_> = messages
        .filter(|planned| planned.event.is_some_and(|event| early.contains(&event)))
        .map(|planned| planned.message)
        .collect();
    for message in messages {
        let text = format!(
            "any agent may get message `{}`, since its event comes before `{rule}`: write a later event, or a \
             key that is there from the start, such as `src`, in place of `{sample}`",
            message.name
        );
        plan.warn(message, text);
    }
}

/// Warns of certificates that only the operator can name.
pub(super) fn tls(plan: &mut Plan<'_>) {
    let Some(tls) = &plan.agent.tls else {
        return;
    };
    let mut servers = plan.servers.iter();
    if servers.all(|server| plan.ssl(server).is_empty()) {
        return;
    }
    let mut texts = Vec::new();
    if plan.options.ca_file.is_none() {
        texts.push(format!(
            "HAProxy will trust `{}`, which works only if that certificate signed itself; otherwise name \
             the file of its authority with `--ca-file`",
            tls.certificate
        ));
    }
    if tls.mutual && plan.options.crt.is_none() {
        texts.push(
            "the agent asks HAProxy for a certificate, and `crt haproxy.pem` is a placeholder: name \
             the file of HAProxy's certificate and key with `--crt`"
                .to_owned(),
        );
    }
    let warnings = texts.into_iter().map(|text| Warning {
        location: None,
        text,
    });
    plan.warnings.extend(warnings);
}

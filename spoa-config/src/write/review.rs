//! Parts of a plan that only a person can complete.

use super::configuration::Warning;
use super::plan::Plan;
use spoa_facts::MAX_VARIABLE;

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
            "HAProxy is told to trust `{}`, which holds if that certificate signed itself: else name \
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

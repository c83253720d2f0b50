//! The backend of the agents.

use super::plan::Plan;
use super::text::Text;
use crate::{Series, Tls};

/// Returns the whole section.
pub(super) fn section(plan: &Plan<'_>) -> String {
    let mut text = Text::default();
    text.touching(&format!("backend {}", plan.backend));
    if plan.options.series < Series::V3_2 {
        text.comment(
            "HAProxy 3.1 and later also know `mode spop`. `mode tcp` works with every version.",
        );
        text.line("mode tcp");
    } else {
        text.comment("HAProxy before 3.1 needs `mode tcp`.");
        text.line("mode spop");
    }
    text.comment("Health checks send a HELLO of SPOP, rather than only connect.");
    text.line("option spop-check");
    if let Some(sticky) = &plan.sticky {
        text.comment(
            "One agent for each key. If it is DOWN, only its keys go to others, until it is back. Requests \
             without the key go to any agent.",
        );
        text.line(&format!("balance hash var({})", sticky.variable));
        text.line("hash-type consistent");
    } else if plan.servers.len() > 1 {
        text.comment("Connections last long, so a new one goes to the agent that has the fewest.");
        text.line("balance leastconn");
    }
    if plan.servers.len() > 1 {
        text.comment("If an agent refuses a connection, HAProxy tries the next one at once.");
        text.line("option redispatch 1");
    }
    if plan.options.series < Series::V3_2 {
        text.comment(
            "Longer than `timeout hello` and `timeout idle` in spoe.conf, which should end first.",
        );
    } else {
        text.comment(
            "How long HAProxy tries to connect, and how long it keeps an unused connection.",
        );
    }
    text.line("timeout connect 5s");
    text.line("timeout server 3m");
    if let Some(tls) = &plan.agent.tls {
        authority(plan, tls, &mut text);
    }
    if plan.options.request_logging.is_some() {
        // An agent that a debugger halts, or a machine that builds, is not down.
        text.line("default-server check inter 10s fall 3 rise 1");
    } else {
        text.comment(
            "With two checks a second, an agent that stops with `--lame-duck 3s` is DOWN in time. Add a line \
             for each further agent.",
        );
        text.line("default-server check inter 500ms fall 2 rise 1");
    }
    for (number, address) in plan.servers.iter().enumerate() {
        let ssl = plan.ssl(address);
        text.line(&format!("server agent{} {address}{ssl}", number + 1));
    }
    if let Some(cache) = &plan.cache {
        cache.section(&mut text);
    }
    text.into_string()
}

fn authority(plan: &Plan<'_>, tls: &Tls, text: &mut Text) {
    if plan.options.ca_file.is_none() {
        text.comment(
            "The agents use TLS. A self-signed certificate is its own authority. Otherwise, name the \
             certificate of the authority here (`--ca-file`).",
        );
    }
    if tls.mutual && plan.options.crt.is_none() {
        text.comment("TODO: the file of HAProxy's own certificate and key (`--crt`).");
    }
}

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
            "SPOP goes over plain TCP. HAProxy from 3.1 on also knows `mode spop`; this works with all.",
        );
        text.line("mode tcp");
    } else {
        text.comment("HAProxy before 3.1 does not know it: there it is `mode tcp`.");
        text.line("mode spop");
    }
    text.comment("Checks health by a HELLO of SPOP rather than by connecting only.");
    text.line("option spop-check");
    if let Some(sticky) = &plan.sticky {
        text.comment(
            "One agent for each key. If it is DOWN, only its keys go to others, until it is back. Requests \
             without the key go to any agent.",
        );
        text.line(&format!("balance hash var({})", sticky.variable));
        text.line("hash-type consistent");
    } else if plan.servers.len() > 1 {
        text.comment("Connections last long: the next goes to the agent that has the fewest.");
        text.line("balance leastconn");
    }
    if plan.servers.len() > 1 {
        text.comment(
            "An agent that refuses a connection costs no time: the next one is asked at once.",
        );
        text.line("option redispatch 1");
    }
    if plan.options.series < Series::V3_2 {
        text.comment(
            "More than `timeout hello` and `timeout idle` in spoe.conf, which are to end first.",
        );
    } else {
        text.comment("Until the agent is there, and until an unused connection is closed.");
    }
    text.line("timeout connect 5s");
    text.line("timeout server 3m");
    if let Some(tls) = &plan.agent.tls {
        authority(plan, tls, &mut text);
    }
    text.comment(
        "Checks twice a second, so that an agent that stops with `--lame-duck 3s` is DOWN in time. One more \
         agent is one more line.",
    );
    text.line("default-server check inter 500ms fall 2 rise 1");
    for (number, address) in plan.servers.iter().enumerate() {
        let ssl = plan.ssl(address);
        text.line(&format!("server agent{} {address}{ssl}", number + 1));
    }
    text.into_string()
}

fn authority(plan: &Plan<'_>, tls: &Tls, text: &mut Text) {
    if plan.options.ca_file.is_none() {
        text.comment(
            "The agents speak TLS. Their certificate is its own authority if it signed itself; else name \
             here who signed it (`--ca-file`).",
        );
    }
    if tls.mutual && plan.options.crt.is_none() {
        text.comment("TODO: the file of HAProxy's own certificate and key (`--crt`).");
    }
}

//! A whole `haproxy.cfg` around the frontend and the backend.

use super::buffers::Buffers;
use super::options::RequestLogging;
use super::plan::{ERROR, Plan};
use super::text::Text;
use super::{denials, verdict_rules};

/// Returns the whole file.
pub(super) fn file(plan: &Plan<'_>, frontend: &str, backend: &str) -> String {
    let mut text = Text::default();
    text.heading(&format!(
        "HAProxy's half of `{}`. To run it: `haproxy -f haproxy.cfg`.",
        plan.agent.name
    ));
    text.section("global");
    text.comment("Logs to the terminal. In production, log as your other configurations do.");
    text.line("log stdout format raw local0");
    if plan.options.request_logging.is_some() {
        text.comment("Threads that log at the same time lose lines.");
        text.line("nbthread 1");
    }
    text.comment("Relative paths begin in the folder of this file, wherever HAProxy is started.");
    text.line("default-path config");
    buffers(plan.options.buffers, &mut text);
    defaults(plan, &mut text);
    text.section("frontend www");
    if !plan.has(&["bind"]) {
        for bind in &plan.options.bind {
            text.line(&format!("bind {bind}"));
        }
        text.blank();
    }
    text.verbatim(frontend);
    if plan.writes_servers() {
        servers(plan, &mut text);
    }
    text.blank();
    text.verbatim(backend);
    text.into_string()
}

fn buffers(buffers: Buffers, text: &mut Text) {
    if buffers.size != Buffers::DEFAULT_SIZE {
        text.line(&format!("tune.bufsize {}", buffers.size));
    }
    if buffers != Buffers::of_size(buffers.size) {
        text.line(&format!("tune.maxrewrite {}", buffers.rewrite));
    }
}

fn defaults(plan: &Plan<'_>, text: &mut Text) {
    text.section("defaults");
    text.line("mode http");
    text.line("log global");
    if plan.options.request_logging.is_some() {
        let error = format!("txn.{}.{ERROR}", plan.prefix);
        let format = RequestLogging::LOG_FORMAT.replace("ERROR", &error);
        text.line("unique-id-format %rt");
        text.line("option dontlognull");
        text.line(&format!("log-format \"{format}\""));
    } else {
        text.line("option httplog");
    }
    text.line("timeout connect 5s");
    text.line("timeout client 30s");
    text.line("timeout server 30s");
    text.comment(
        "How long a client may take for its headers and, with `http-buffer-request`, for its body.",
    );
    text.line("timeout http-request 10s");
}

/// Writes the backend of the servers, after the line that names it.
fn servers(plan: &Plan<'_>, text: &mut Text) {
    text.blank();
    // Before sections of the site's own, the rules have it.
    if !plan.has_sections() {
        text.line("default_backend servers");
        text.blank();
    }
    if plan.options.request_logging.is_none() {
        text.heading("Your servers; here HAProxy itself answers.");
    }
    text.touching("backend servers");
    denials::backend_lines(plan, text);
    verdict_rules::backend_lines(plan, text);
    match &plan.options.request_logging {
        Some(logging) => text.line(&format!("server site {}", logging.site)),
        None => {
            text.line("http-request return status 200 content-type text/plain string \"hello\\n\"")
        }
    }
}

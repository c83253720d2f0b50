//! Samples of a connection's raw data: whether it is there to be fetched.

use super::super::engine::{Engine, Moment, Rule};
use super::super::{Case, Code, Finding};
use super::arguments::Given;
use super::samples::expression;
use crate::read::{Line, Section, Span};
use spoa_facts::Expression;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        for message in engine.messages() {
            let found = Given::all(message).iter().find_map(|given| {
                let (text, span) = expression(given)?;
                let parsed = Expression::parse(text).ok()?;
                let fetch = &parsed.fetch().name;
                is_raw(fetch).then(|| of_sample(case, engine, message, fetch, span))?
            });
            findings.extend(found);
        }
    }
}

/// Whether a fetch looks into the raw data of a connection.
fn is_raw(fetch: &str) -> bool {
    let (of_request, of_response) = (fetch.strip_prefix("req"), fetch.strip_prefix("res"));
    let rest = of_request.or(of_response).or(fetch.strip_prefix("rep"));
    let rest = rest.map_or(fetch, |rest| rest.trim_start_matches(['.', '_']));
    [
        "len",
        "payload",
        "payload_lv",
        "rdp_cookie",
        "rdp_cookie_cnt",
    ]
    .contains(&rest)
        || (rest != fetch && rest.starts_with("ssl_"))
}

fn of_sample(
    case: &Case<'_>,
    engine: &Engine<'_>,
    message: &Section,
    fetch: &str,
    span: Span,
) -> Option<Finding> {
    let moments = engine.moments(message, case.rules);
    moments.iter().find_map(|moment| {
        let proxy = match moment {
            Moment::Event(_) => engine.filter.proxy,
            Moment::Rule(rule) => rule.proxy,
        };
        match (case.mode(proxy)?, moment) {
            ("http", _) => of_http(case, proxy, moment, fetch, span),
            ("tcp", Moment::Event(event))
                if event.is("on-frontend-tcp-request")
                    || event.is("on-backend-tcp-request") && never_waited(case, proxy) =>
            {
                Some(
                Finding::new(Code::DataAbsent, too_early(fetch), span)
                    .label("empty or missing: nothing has waited for the data")
                    .context(event.span, "happens before any rule that can wait")
                    .help(format!(
                        "write `tcp-request inspect-delay 5s` and `tcp-request content send-spoe-group {} GROUP if {{ {} }}` below the filter, with the message in that group",
                        engine.name(),
                        awaited(fetch)
                    )),
                )
            }
            ("tcp", Moment::Rule(rule)) => of_rule(case, rule, fetch, span),
            _ => None,
        }
    })
}

fn too_early(fetch: &str) -> String {
    format!("`{fetch}` is sent before the client's data is there")
}

/// What is true once the data of a fetch is there.
fn awaited(fetch: &str) -> &'static str {
    if fetch.contains("ssl_") {
        "req.ssl_hello_type 1"
    } else {
        "req.len gt 0"
    }
}

fn of_http(
    case: &Case<'_>,
    proxy: usize,
    moment: &Moment<'_>,
    fetch: &str,
    span: Span,
) -> Option<Finding> {
    let mut lines = case.configuration.lines(proxy);
    let mode = lines.find(|line| line.begins(&["mode"]))?;
    let at = match moment {
        Moment::Event(event) => event.span,
        Moment::Rule(rule) => rule.line.span(),
    };
    let (title, label) = if fetch.ends_with("len") {
        (
            format!("`{fetch}` is not a length in `mode http`"),
            "the size of the request as HAProxy holds it",
        )
    } else {
        (
            format!("`{fetch}` has no value in `mode http`"),
            "`mode http` has no raw data",
        )
    };
    let instead = match fetch
        .trim_start_matches("req")
        .trim_start_matches(['.', '_'])
    {
        "len" => "write `req.body_size`, which is the length that the client announces".to_owned(),
        "payload" | "payload_lv" => {
            "write `req.body`, and `option http-buffer-request` in the frontend".to_owned()
        }
        "ssl_sni" => "write `ssl_fc_sni`".to_owned(),
        "ssl_alpn" => "write `ssl_fc_alpn`".to_owned(),
        _ => "remove the argument, or send the message from a proxy with `mode tcp`".to_owned(),
    };
    Some(
        Finding::new(Code::DataAbsent, title, span)
            .label(label)
            .context(at, "sent here")
            .context(mode.span(), "the mode of this proxy")
            .help(instead),
    )
}

/// What a group's message takes of the data, and nothing has waited for.
fn of_rule(case: &Case<'_>, rule: &Rule<'_>, fetch: &str, span: Span) -> Option<Finding> {
    if !rule.line.begins(&["tcp-request", "content"]) {
        return None;
    }
    let section = case.configuration.sections.get(rule.proxy)?;
    if section.kind() == "backend" && !never_waited(case, rule.proxy) {
        return None;
    }
    let start = rule.line.span().start;
    let content = |line: &&Line| {
        let own = section.lines.iter().any(|it| it.span() == line.span());
        line.begins(&["tcp-request", "content"]) && (!own || line.span().start <= start)
    };
    let waits = case
        .configuration
        .lines(rule.proxy)
        .filter(content)
        .any(|line| asks_for_data(case, rule.proxy, line));
    let delay = case
        .configuration
        .lines(rule.proxy)
        .any(|line| line.begins(&["tcp-request", "inspect-delay"]));
    let help = match (delay, waits) {
        (true, true) => return None,
        (true, false) => format!("write `if {{ {} }}` at the end of the rule", awaited(fetch)),
        (false, true) => "write `tcp-request inspect-delay 5s` above the rule".to_owned(),
        (false, false) => format!(
            "write `tcp-request inspect-delay 5s` above the rule, and `if {{ {} }}` at its end",
            awaited(fetch)
        ),
    };
    let label = if waits {
        "the rule looks once, and the data comes later"
    } else {
        "empty or missing: nothing has waited for the data"
    };
    Some(
        Finding::new(Code::DataAbsent, too_early(fetch), span)
            .label(label)
            .context(rule.line.span(), "sent by this rule")
            .help(help),
    )
}

/// Whether nothing in the frontends that a connection comes through waits for data, as far as they are
/// known. A backend that none names may be chosen at run time.
fn never_waited(case: &Case<'_>, proxy: usize) -> bool {
    let configuration = case.configuration;
    let waits = |proxy: usize| {
        let mut lines = configuration.lines(proxy);
        lines.any(|line| {
            line.begins(&["tcp-request", "inspect-delay"]) || asks_for_data(case, proxy, line)
        })
    };
    let Some(section) = configuration.sections.get(proxy) else {
        return false;
    };
    if section.kind() != "backend" {
        return !waits(proxy);
    }
    let mut named = false;
    for (index, frontend) in configuration.sections.iter().enumerate() {
        if !matches!(frontend.kind(), "frontend" | "listen") {
            continue;
        }
        let leads = |line: &Line| {
            let choice = matches!(line.word(0), "use_backend" | "default_backend");
            let target = line.words.get(1).filter(|_| choice)?;
            let known = target.known && line.certain && !target.text.contains("%[");
            Some(if known {
                target.text == section.title()
            } else {
                true
            })
        };
        if configuration
            .lines(index)
            .any(|line| leads(line) == Some(true))
        {
            if waits(index) || case.mode(index) != Some("tcp") {
                return false;
            }
            named = true;
        }
    }
    named
}

/// Whether a rule has a condition that waits until there is data, or until the delay is over.
fn asks_for_data(case: &Case<'_>, proxy: usize, line: &Line) -> bool {
    let condition = line
        .words
        .iter()
        .skip_while(|word| !word.is("if") && !word.is("unless"));
    condition.skip(1).any(|word| {
        let name = word.text.trim_start_matches('!');
        let predefined = ["WAIT_END", "REQ_CONTENT", "HTTP", "RDP_COOKIE"].contains(&name);
        let mut lines = case.configuration.lines(proxy);
        predefined
            || looks(&word.text)
            || lines.any(|acl| {
                acl.begins(&["acl", name]) && acl.after(2).iter().any(|word| looks(&word.text))
            })
    })
}

/// Whether a word of a condition is a fetch of raw data.
fn looks(word: &str) -> bool {
    let fetch = word.split(['(', ',']).next().unwrap_or_default();
    is_raw(fetch) || ["wait_end", "req.proto_http", "req_proto_http"].contains(&fetch)
}

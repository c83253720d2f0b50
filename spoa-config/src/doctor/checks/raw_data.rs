//! Samples of a connection's raw data: whether it is there to be fetched.

use super::super::engine::{Engine, GroupRule, Moment};
use super::super::steps::{Path, Phase, Step};
use super::super::{Case, Code, Finding};
use super::arguments::GivenArgument;
use super::samples::expression;
use crate::read::{Line, Section, Span};
use spoa_facts::Expression;

pub(super) fn check(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for engine in &case.engines {
        for message in engine.messages() {
            let found = GivenArgument::all(message).iter().find_map(|given| {
                let (text, span) = expression(given)?;
                let parsed = Expression::parse(text).ok()?;
                let fetch = &parsed.fetch().name;
                is_raw(fetch).then(|| of_sample(case, engine, message, fetch, span))?
            });
            findings.extend(found);
        }
    }
}

/// Returns whether a fetch looks into the raw data of a connection.
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
    let in_http = moments.iter().find_map(|moment| {
        let proxy = match moment {
            Moment::Event(_) => engine.filter.proxy,
            Moment::Rule(rule) => rule.proxy,
        };
        let http = case.mode(proxy)? == "http";
        http.then(|| of_http(case, proxy, moment, fetch, span))?
    });
    in_http.or_else(|| {
        let sends = |step: &&Step<'_>| {
            step.message
                .is_some_and(|sent| std::ptr::eq(sent.section, message))
        };
        let ways = case.paths.iter();
        let mut sent =
            ways.flat_map(|path| path.steps.iter().filter(sends).map(move |it| (path, it)));
        sent.find_map(|(path, step)| {
            let tcp = case.mode(step.proxy)? == "tcp";
            tcp.then(|| in_tcp(case, engine, path, step, fetch, span))?
        })
    })
}

/// A message of `mode tcp`, where the data comes after the connection.
fn in_tcp(
    case: &Case<'_>,
    engine: &Engine<'_>,
    path: &Path<'_>,
    step: &Step<'_>,
    fetch: &str,
    span: Span,
) -> Option<Finding> {
    let response = step.phase.of_response();
    let of_response = fetch.starts_with("res") || fetch.starts_with("rep");
    // The data of the request may have left when the response comes.
    if response && fetch.starts_with("req") || of_response && !response {
        return None;
    }
    let rules = if response {
        "tcp-response"
    } else {
        "tcp-request"
    };
    let waits = |step: &&Step<'_>| {
        step.line.begins(&[rules, "content"])
            && delays(case, step.proxy, rules)
            && asks_for_data(case, step.proxy, step.line)
    };
    let early = Finding::new(Code::DataAbsent, too_early(response, fetch), span);
    match step.phase {
        Phase::FrontendTcpEvent | Phase::BackendTcpEvent | Phase::TcpResponseEvent => {
            // Where the request comes from is not known, nor what has waited there.
            if path.frontend.is_none() && !response || path.before(step.at).any(|it| waits(&it)) {
                return None;
            }
            let event = step.line.words.get(1)?;
            Some(
                early
                    .label("empty or missing: no rule has waited for the data")
                    .context(event.span, "happens before any rule that can wait")
                    .help(format!(
                        "write `{rules} inspect-delay 5s` and `{rules} content send-spoe-group {} GROUP if {{ {} }}` below the filter, with the message in that group",
                        engine.name(),
                        awaited(response, fetch)
                    )),
            )
        }
        Phase::FrontendContent | Phase::BackendContent | Phase::ResponseContent => {
            let before = path.before(step.at).any(|it| waits(&it));
            // A rule that never sends its group is reported instead.
            let sends = delays(case, step.proxy, rules);
            let backend = step.phase == Phase::BackendContent && path.frontend.is_none();
            if before || waits(&step) || !sends || backend {
                return None;
            }
            Some(
                early
                    .label("empty or missing: no rule has waited for the data")
                    .context(step.line.span(), "sent by this rule")
                    .help(format!(
                        "write `if {{ {} }}` at the end of the rule",
                        awaited(response, fetch)
                    )),
            )
        }
        _ => None,
    }
}

/// Returns whether the content rules of a proxy may wait.
pub(super) fn delays(case: &Case<'_>, proxy: usize, rules: &str) -> bool {
    let mut lines = case.configuration.lines(proxy);
    lines.any(|line| line.begins(&[rules, "inspect-delay"]))
}

/// Returns what a rule has to test before it sends a message: whether the raw data that the message takes is there.
pub(super) fn awaited_by(message: &Section, response: bool) -> Option<&'static str> {
    GivenArgument::all(message).iter().find_map(|given| {
        let (text, _) = expression(given)?;
        let parsed = Expression::parse(text).ok()?;
        let fetch = &parsed.fetch().name;
        is_raw(fetch).then(|| awaited(response, fetch))
    })
}

fn too_early(response: bool, fetch: &str) -> String {
    let side = if response { "server" } else { "client" };
    format!("`{fetch}` is sent before the {side}'s data arrives")
}

/// Returns the test that is true once the data of a fetch is there.
fn awaited(response: bool, fetch: &str) -> &'static str {
    match (response, fetch.contains("ssl_")) {
        (false, true) => "req.ssl_hello_type 1",
        (false, false) => "req.len gt 0",
        (true, true) => "res.ssl_hello_type 2",
        (true, false) => "res.len gt 0",
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
            format!("`{fetch}` does not give a length in `mode http`"),
            "the number of bytes in HAProxy's buffer at that moment",
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
        "len" => "write `req.body_size`, which is the length that the client announces",
        "payload" | "payload_lv" => {
            "write `req.body`, and `option http-buffer-request` in the frontend"
        }
        "res.len" => "write `res.body_size`, which is the length that the server announces",
        "res.payload" | "res.payload_lv" => "write `res.body`",
        "ssl_sni" => "write `ssl_fc_sni`",
        "ssl_alpn" => "write `ssl_fc_alpn`",
        _ => "remove the argument, or send the message from a proxy with `mode tcp`",
    };
    Some(
        Finding::new(Code::DataAbsent, title, span)
            .label(label)
            .context(at, "sent here")
            .context(mode.span(), "the mode of this proxy")
            .help(instead),
    )
}

/// Returns whether a rule of a group can test for the data of its messages, and does not.
pub(super) fn looks_once(case: &Case<'_>, rule: &GroupRule<'_>) -> bool {
    !asks_for_data(case, rule.proxy, rule.line)
}

/// Returns whether a rule has a condition that waits until there is data, or until the delay is over.
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

/// Returns whether a word of a condition is a fetch of raw data.
fn looks(word: &str) -> bool {
    let fetch = word.split(['(', ',']).next().unwrap_or_default();
    is_raw(fetch) || ["wait_end", "req.proto_http", "req_proto_http"].contains(&fetch)
}

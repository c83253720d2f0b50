//! What is written for agents of all kinds.
//!
//! Whether HAProxy takes it, the end-to-end tests know.

use super::*;
use crate::{Argument, Expected, Message, Presence, Tls, Variable};
use std::time::Duration;

fn argument(name: &str, sample: Option<&str>) -> Argument {
    Argument {
        name: Some(name.to_owned()),
        index: None,
        rust_type: "&str".to_owned(),
        expected: Expected::Text,
        required: true,
        sample: sample.map(str::to_owned),
        guess: None,
    }
}

fn variable(name: &str) -> Variable {
    let (scope, name) = name.split_once('.').unwrap();
    Variable {
        scope: scope.to_owned(),
        name: name.to_owned(),
        rust_type: None,
        presence: Presence::Always,
    }
}

fn message(name: &str, arguments: Vec<Argument>, variables: &[&str]) -> Message {
    Message {
        name: name.to_owned(),
        function: format!("agent::{name}"),
        location: ("src/main.rs".to_owned(), 7),
        arguments,
        variables: variables.iter().map(|name| variable(name)).collect(),
        ..Message::default()
    }
}

fn agent(messages: Vec<Message>) -> Agent {
    Agent {
        name: "waf".to_owned(),
        messages,
        listeners: vec!["127.0.0.1:12345".to_owned()],
        max_frame_size: 1 << 20,
        ..Agent::default()
    }
}

fn written(agent: &Agent, options: &Options) -> Configuration {
    write(agent, options).unwrap()
}

fn plain(agent: &Agent) -> Configuration {
    written(agent, &Options::new(Series::V2_6))
}

#[track_caller]
fn has(text: &str, lines: &[&str]) {
    for line in lines {
        let found = text.lines().any(|it| it.trim() == *line);
        assert!(found, "`{line}` is not in:\n{text}");
    }
}

#[test]
fn a_message_is_sent_when_its_samples_are_there() {
    for (sample, event) in [
        ("src", "on-client-session"),
        ("req.ssl_sni", "on-frontend-tcp-request"),
        ("req.fhdr(host),lower", "on-frontend-http-request"),
        ("status", "on-http-response"),
    ] {
        let agent = agent(vec![message("m", vec![argument("a", Some(sample))], &[])]);
        let line = format!("event {event} if {{ nbsrv(waf-agents) gt 0 }}");
        has(&plain(&agent).spoe, &[&line, &format!("args a={sample}")]);
    }
}

#[test]
fn what_the_handler_says_of_its_event_holds() {
    let mut said = message("m", vec![argument("a", Some("src"))], &[]);
    said.event = Some("on-backend-http-request".to_owned());
    said.condition = Some("if { path_beg /a } or { path_beg /b }".to_owned());
    let spoe = plain(&agent(vec![said])).spoe;
    has(
        &spoe,
        &[
            "event on-backend-http-request if { nbsrv(waf-agents) gt 0 } { path_beg /a } or \
           { nbsrv(waf-agents) gt 0 } { path_beg /b }",
        ],
    );
    assert!(!spoe.contains("does not say when"), "{spoe}");
}

#[test]
fn a_group_is_sent_by_one_rule_where_all_its_samples_are_there() {
    let mut one = message("one", vec![argument("a", Some("src"))], &[]);
    one.group = Some("g".to_owned());
    one.condition = Some("unless { path_beg /static/ }".to_owned());
    let mut other = message("other", vec![argument("a", Some("status"))], &[]);
    other.group = Some("g".to_owned());
    let mut early = message("early", vec![argument("a", Some("req.ssl_sni"))], &[]);
    early.group = Some("e".to_owned());
    let written = plain(&agent(vec![one, other, early]));
    has(
        &written.spoe,
        &["groups e g", "messages one other", "messages early"],
    );
    assert!(!written.spoe.contains("    event "), "{}", written.spoe);
    has(
        &written.frontend,
        &[
            "http-response send-spoe-group waf g unless { nbsrv(waf-agents) lt 1 } or \
             { path_beg /static/ }",
            "tcp-request inspect-delay 5s",
            "tcp-request content send-spoe-group waf e if { nbsrv(waf-agents) gt 0 }",
        ],
    );
    let place = |text: &str| written.frontend.find(text).unwrap();
    assert!(place("tcp-request content") < place("http-response send"));
}

#[test]
fn handlers_end_before_haproxy_stops_waiting() {
    for (deadlines, processing) in [
        (&[][..], "500ms"),
        (&[20, 200], "500ms"),
        (&[1000], "1500ms"),
        (&[2000, 100], "3s"),
        (&[450], "675ms"),
    ] {
        let messages = deadlines.iter().map(|millis| Message {
            deadline: Some(Duration::from_millis(*millis)),
            ..message(&format!("m{millis}"), Vec::new(), &[])
        });
        let mut messages: Vec<_> = messages.collect();
        messages.push(message("sync", Vec::new(), &[]));
        let line = format!("timeout processing {processing}");
        has(&plain(&agent(messages)).spoe, &[&line]);
    }
}

#[test]
fn series_differ_in_mode_and_timeouts() {
    let agent = agent(vec![message("m", Vec::new(), &[])]);
    for series in Series::ALL {
        let written = written(&agent, &Options::new(series));
        let old = series < Series::V3_2;
        assert_eq!(written.spoe.contains("timeout idle 2m"), old, "{series}");
        assert_eq!(written.backend.contains("    mode tcp\n"), old, "{series}");
        assert_eq!(
            written.backend.contains("    mode spop\n"),
            !old,
            "{series}"
        );
    }
}

#[test]
fn an_argument_that_nobody_knows_is_left_out_or_a_placeholder() {
    let mut optional = argument("cart", None);
    optional.required = false;
    let mut number = argument("level", None);
    number.expected = Expected::Integer;
    let mut guessed = argument("ua", None);
    guessed.guess = Some("req.fhdr(user-agent)".to_owned());
    let written = plain(&agent(vec![message(
        "m",
        vec![optional, number, guessed],
        &[],
    )]));
    has(
        &written.spoe,
        &[
            "args level=int(0) ua=req.fhdr(user-agent)",
            "# TODO: say where HAProxy gets `cart`; until then the handler goes without it.",
            "# TODO: say where HAProxy gets `level`; until then it is a placeholder.",
        ],
    );
    let warnings: Vec<_> = written.warnings.iter().map(Warning::to_string).collect();
    assert_eq!(
        warnings,
        [
            "src/main.rs:7: argument `cart: &str` of message `m` is not sent, since nothing says \
             where HAProxy gets it: write `#[arg(sample = \"…\")]` before it",
            "src/main.rs:7: argument `level: &str` of message `m` is `int(0)`, since nothing says \
             where HAProxy gets it: write `#[arg(sample = \"…\")]` before it",
        ]
    );
}

#[test]
fn a_sample_is_one_word() {
    for (sample, word) in [
        ("str(a b)", r"str(a\ b)"),
        (r"str(a\ b)", r"str(a\ b)"),
        ("str('a b') ", "str('a b')"),
        (
            r#"req.fhdr(a),regsub(" ",#)"#,
            r#"req.fhdr(a),regsub(" ",\#)"#,
        ),
    ] {
        let message = message("m", vec![argument("a", Some(sample))], &[]);
        has(
            &plain(&agent(vec![message])).spoe,
            &[&format!("args a={word}")],
        );
    }
}

#[test]
fn arguments_with_a_place_are_at_their_places() {
    let placed = |index, sample| Argument {
        index: Some(index),
        ..argument("x", Some(sample))
    };
    let arguments = vec![
        argument("ip", Some("src")),
        placed(3, "path"),
        placed(0, "method"),
    ];
    let written = plain(&agent(vec![message("m", arguments, &[])]));
    has(&written.spoe, &["args method ip=src str() path"]);
    assert!(written.spoe.contains("event on-frontend-http-request"));
}

#[test]
fn failing_closed_asks_for_every_verdict_that_is_there_in_time() {
    let mut some = message("some", Vec::new(), &["txn.blocked", "txn.score"]);
    some.condition = Some("if { path_beg /api }".to_owned());
    some.event = Some("on-frontend-http-request".to_owned());
    let mut perhaps = message("perhaps", Vec::new(), &["txn.reason", "txn.class"]);
    perhaps.variables[0].presence = Presence::Sometimes;
    let mut late = message("late", Vec::new(), &["txn.late"]);
    late.event = Some("on-http-response".to_owned());
    let agent = agent(vec![some, perhaps, late]);
    let mut options = Options::new(Series::V3_2);
    options.fail = Fail::Closed;
    let denials = |options: &Options| -> Vec<String> {
        let lines = written(&agent, options).frontend;
        let denials = lines.lines().filter(|line| line.contains("deny_status"));
        denials.map(|line| line.trim().to_owned()).collect()
    };
    assert_eq!(
        denials(&options),
        [
            "http-request deny deny_status 503 if !{ var(txn.waf.blocked) -m found } { path_beg /api }",
            "http-request deny deny_status 503 if !{ var(txn.waf.class) -m found }",
        ]
    );
    options.verdicts = vec!["txn.score".to_owned()];
    assert_eq!(
        denials(&options),
        ["http-request deny deny_status 503 if !{ var(txn.waf.score) -m found } { path_beg /api }"]
    );
    options.verdicts = vec!["txn.scor".to_owned()];
    let refusal = write(&agent, &options).unwrap_err().to_string();
    assert!(
        refusal.starts_with("no handler is known to set `txn.scor`: there is `txn.blocked`"),
        "{refusal}"
    );
}

#[test]
fn why_there_was_no_answer_is_captured_before_a_rule_ends_the_request() {
    let agent = agent(vec![message("m", Vec::new(), &["txn.blocked"])]);
    let capture = "http-request capture var(txn.waf.spoe_error) len 5";
    let captures = |fail, rules: Option<&str>| {
        let options = Options {
            fail,
            rules: rules.map(str::to_owned),
            ..Options::new(Series::V3_2)
        };
        let frontend = written(&agent, &options).frontend;
        let rules = frontend
            .lines()
            .map(str::trim)
            .filter(|line| line.starts_with("http-request"));
        let rules: Vec<_> = rules.map(str::to_owned).collect();
        rules.iter().map(|rule| rule == capture).collect::<Vec<_>>()
    };
    let denies = "http-request deny if { var(txn.waf.blocked) -m bool }";
    let own = format!("http-request capture hdr(host) len 9\n{capture}\n{denies}");
    for (fail, rules, expected) in [
        (Fail::Open, None, &[true, false, false][..]),
        (Fail::Closed, None, &[true, false, false, false]),
        (Fail::Open, Some(denies), &[true, false]),
        (Fail::Closed, Some(denies), &[true, false, false]),
        // Rules that do it themselves decide about the log line, unless they come too late.
        (Fail::Open, Some(&own), &[false, true, false]),
        (Fail::Closed, Some(&own), &[true, false, false, true, false]),
    ] {
        assert_eq!(captures(fail, rules), expected, "{fail:?} {rules:?}");
    }
}

#[test]
fn failing_closed_without_a_verdict_is_said() {
    let mut options = Options::new(Series::V3_2);
    options.fail = Fail::Closed;
    let written = written(&agent(vec![message("m", Vec::new(), &[])]), &options);
    assert!(!written.frontend.contains("deny"), "{}", written.frontend);
    assert!(
        written.warnings[0]
            .text
            .starts_with("`--fail closed` denies nothing")
    );
}

#[test]
fn rules_of_the_users_own_stand_in_the_place_of_the_others() {
    let agent = agent(vec![message("m", Vec::new(), &["txn.backend"])]);
    let mut options = Options::new(Series::V3_2);
    let usual = written(&agent, &options);
    has(
        &usual.frontend,
        &[
            "http-request set-header x-spoa-txn-waf-backend %[var(txn.waf.backend)] if \
           { var(txn.waf.backend) -m found }",
        ],
    );
    has(
        &usual.haproxy,
        &["bind :8080", "default_backend servers", "backend servers"],
    );

    options.rules = Some(
        "    bind :80\n    use_backend %[var(txn.waf.backend)]\n    default_backend shop\n".into(),
    );
    let own = written(&agent, &options);
    has(
        &own.haproxy,
        &[
            "bind :80",
            "default_backend shop",
            "use_backend %[var(txn.waf.backend)]",
        ],
    );
    for line in ["bind :8080", "servers\n", "x-spoa-"] {
        assert!(
            !own.haproxy.contains(line),
            "`{line}` is in:\n{}",
            own.haproxy
        );
    }
}

#[test]
fn a_fleet_is_balanced_and_checked() {
    let agent = agent(vec![message("m", Vec::new(), &[])]);
    let mut options = Options::new(Series::V3_4);
    assert!(!written(&agent, &options).backend.contains("balance"));
    options.servers = vec![
        "10.0.0.1:1".to_owned(),
        "unix@/run/a.sock,mode=660".to_owned(),
    ];
    has(
        &written(&agent, &options).backend,
        &[
            "balance leastconn",
            "option redispatch 1",
            "server agent1 10.0.0.1:1 check",
            "server agent2 unix@/run/a.sock check",
        ],
    );
}

#[test]
fn an_agent_with_a_certificate_is_spoken_to_by_tls() {
    let mut agent = agent(vec![message("m", Vec::new(), &[])]);
    agent.tls = Some(Tls {
        certificate: "/etc/agent one.crt".to_owned(),
        mutual: true,
    });
    let mut options = Options::new(Series::V2_6);
    options.servers = vec!["10.0.0.1:1".to_owned(), "unix@/run/a.sock".to_owned()];
    let told = written(&agent, &options);
    has(
        &told.backend,
        &[
            r"server agent1 10.0.0.1:1 ssl verify required ca-file /etc/agent\ one.crt crt haproxy.pem check",
            "server agent2 unix@/run/a.sock check",
        ],
    );
    let warned: Vec<_> = told.warnings.iter().map(Warning::to_string).collect();
    assert!(
        warned[0].contains("`--ca-file`") && warned[1].contains("`--crt`"),
        "{warned:?}"
    );
    options.ca_file = Some("ca.pem".to_owned());
    options.crt = Some("own.pem".to_owned());
    let told = written(&agent, &options);
    has(
        &told.backend,
        &["server agent1 10.0.0.1:1 ssl verify required ca-file ca.pem crt own.pem check"],
    );
    assert_eq!(told.warnings, []);
}

#[test]
fn names_that_haproxy_would_not_take_are_mended_or_refused() {
    let mut agent = agent(vec![message("m", Vec::new(), &["txn.verdict"])]);
    agent.name = "ip reputation-2".to_owned();
    let written = plain(&agent);
    assert_eq!(
        (written.engine.as_str(), written.prefix.as_str()),
        ("ip_reputation-2", "ip_reputation_2")
    );
    for (engine, prefix, words) in [
        (Some("a b"), None, "`a b` is no name for an engine"),
        (None, Some("a-b"), "`a-b` is no prefix"),
        (None, Some(""), "`` is no prefix"),
    ] {
        let options = Options {
            engine: engine.map(str::to_owned),
            prefix: prefix.map(str::to_owned),
            ..Options::new(Series::V3_2)
        };
        let refusal = write(&agent, &options).unwrap_err().to_string();
        assert!(refusal.starts_with(words), "{refusal}");
    }
    let long = Options {
        prefix: Some("p".repeat(60)),
        ..Options::new(Series::V3_2)
    };
    let warning = write(&agent, &long).unwrap().warnings.remove(0);
    assert!(
        warning.text.contains("has 72 characters and may have 63"),
        "{warning}"
    );
}

#[test]
fn an_address_that_nobody_knows_is_asked_for() {
    let mut agent = agent(vec![message("m", Vec::new(), &[])]);
    agent.listeners = vec!["127.0.0.1:0".to_owned()];
    let refusal = write(&agent, &Options::new(Series::V3_2))
        .unwrap_err()
        .to_string();
    assert!(
        refusal.contains("`127.0.0.1:0`") && refusal.contains("--server"),
        "{refusal}"
    );
    agent.messages.clear();
    assert_eq!(
        write(&agent, &Options::new(Series::V3_2)),
        Err(Refusal::NoMessages)
    );
}

#[test]
fn only_what_differs_from_the_usual_is_written() {
    let mut agent = agent(vec![message(
        "m",
        vec![argument("b", Some("req.body"))],
        &["proc.total", "txn.x"],
    )]);
    let spoe = plain(&agent).spoe;
    has(&spoe, &["register-var-names total"]);
    assert!(!spoe.contains("max-frame-size"), "{spoe}");
    has(&plain(&agent).frontend, &["option http-buffer-request"]);
    agent.max_frame_size = 4096;
    agent.messages[0].arguments.clear();
    has(&plain(&agent).spoe, &["max-frame-size 4096"]);
    assert!(!plain(&agent).frontend.contains("http-buffer-request"));
}

#[test]
fn an_acl_that_is_not_there_is_named() {
    let mut named = message("m", Vec::new(), &[]);
    named.event = Some("on-client-session".to_owned());
    named.condition = Some("if !local".to_owned());
    let warning = plain(&agent(vec![named])).warnings.remove(0);
    assert!(warning.text.contains("names the ACL `local`"), "{warning}");
}

#[test]
fn doc_comments_are_comments() {
    let mut documented = message("m", Vec::new(), &[]);
    documented.docs = "Checks.\n\nSlowly.".to_owned();
    let spoe = plain(&agent(vec![documented])).spoe;
    assert!(
        spoe.contains("\n\n# Checks.\n#\n# Slowly.\n# Answered by `agent::m`.\nspoe-message m\n"),
        "{spoe}"
    );
}

#[test]
fn the_page_has_all_that_is_known() {
    let mut check = message(
        "check",
        vec![argument("ip", Some("src")), argument("a|b", None)],
        &["sess.score"],
    );
    check.docs = "Checks.\n\n# Errors\nNone.".to_owned();
    check.deadline = Some(Duration::from_millis(20));
    check.event = Some("on-client-session".to_owned());
    check.variables[0].rust_type = Some("u8".to_owned());
    let mut agent = agent(vec![check, message("other", Vec::new(), &[])]);
    agent.fallback = true;
    assert_eq!(page(&agent), include_str!("page_of_tests.md"));
}

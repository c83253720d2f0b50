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
        // Not at the start of the connection, where HAProxy has nothing to fetch for these.
        ("ssl_fc_sni", "on-frontend-http-request"),
        ("be_server_timeout", "on-http-response"),
        ("lua.mine", "on-frontend-http-request"),
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
fn failing_closed_asks_for_every_message() {
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
            "http-response deny deny_status 503 if !{ var(txn.waf.late) -m found }",
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
            .filter(|line| line.starts_with("http-request") && !line.contains("str(down)"));
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

/// The rules that deny, and the words after `args` of each message.
fn guards(agent: &Agent, options: &Options) -> (Vec<String>, Vec<String>) {
    let written = written(agent, options);
    let trimmed = |text: &str, word: &str| {
        let lines = text.lines().map(str::trim);
        let lines = lines.filter(|line| line.contains(word) && !line.starts_with('#'));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    (
        trimmed(&written.frontend, "deny_status"),
        trimmed(&written.spoe, "args "),
    )
}

fn closed() -> Options {
    Options {
        fail: Fail::Closed,
        ..Options::new(Series::V3_2)
    }
}

#[test]
fn a_handler_that_sets_nothing_for_sure_gives_a_sign_of_success() {
    let mut sometimes = message("some-times", vec![argument("a", Some("path"))], &["txn.x"]);
    sometimes.variables[0].presence = Presence::Sometimes;
    let mut unknown = message("unknown", vec![argument("a", Some("path"))], &["txn.y"]);
    unknown.variables[0].presence = Presence::Unknown;
    // What an earlier request of the session left says nothing of this one.
    let session = message("session", vec![argument("a", Some("path"))], &["sess.s"]);
    let bare = message("bare", Vec::new(), &[]);
    let sure = message("sure", Vec::new(), &["txn.sure"]);
    // One of them may have failed.
    let one = message("one", Vec::new(), &["txn.both"]);
    let other = message("other", Vec::new(), &["txn.both"]);
    let agent = agent(vec![sometimes, unknown, session, bare, sure, one, other]);
    let (rules, args) = guards(&agent, &closed());
    let deny = |name: &str| {
        format!("http-request deny deny_status 503 if !{{ var(txn.waf.{name}) -m found }}")
    };
    let names = [
        "answered_some_times",
        "answered_unknown",
        "answered_session",
        "answered_bare",
        "sure",
        "answered_one",
        "answered_other",
    ];
    assert_eq!(rules, names.map(deny));
    assert_eq!(
        args,
        [
            "args spoa-answered=str(txn.answered_some_times) a=path",
            "args spoa-answered=str(txn.answered_unknown) a=path",
            "args spoa-answered=str(txn.answered_session) a=path",
            "args spoa-answered=str(txn.answered_bare)",
            "args spoa-answered=str(txn.answered_one)",
            "args spoa-answered=str(txn.answered_other)",
        ]
    );
    // Nobody asks where nothing is denied.
    let (rules, args) = guards(&agent, &Options::new(Series::V3_2));
    assert_eq!(rules, [""; 0]);
    assert!(
        args.iter().all(|args| !args.contains("spoa-answered")),
        "{args:?}"
    );
}

#[test]
fn a_sign_of_success_has_a_name_of_its_own() {
    let long = "m".repeat(60);
    let agent = agent(vec![
        message("a-b", Vec::new(), &[]),
        message("a_b", Vec::new(), &[]),
        message(&long, Vec::new(), &["txn.answered_c"]),
        message("c", Vec::new(), &[]),
    ]);
    let options = Options {
        verdicts: Vec::new(),
        ..closed()
    };
    let (rules, args) = guards(&agent, &options);
    assert_eq!(rules.len(), 4);
    assert_eq!(
        args,
        [
            "args spoa-answered=str(txn.answered_a_b)",
            "args spoa-answered=str(txn.answered_2)",
            "args spoa-answered=str(txn.answered_3)",
        ]
    );
}

#[test]
fn a_message_that_stays_unprotected_is_named() {
    let mut behind = message("behind", Vec::new(), &["txn.behind"]);
    behind.event = Some("on-backend-http-request".to_owned());
    let agent = agent(vec![behind, message("m", Vec::new(), &["txn.m"])]);
    let unprotected = |options: &Options| -> Vec<String> {
        let written = written(&agent, options);
        let comments = written.frontend.matches("# Not protected: message").count();
        assert_eq!(comments, written.warnings.len(), "{}", written.frontend);
        written.warnings.iter().map(Warning::to_string).collect()
    };
    assert_eq!(
        unprotected(&closed()),
        [
            "src/main.rs:7: message `behind` is not protected by `--fail closed`: it is sent at \
          `on-backend-http-request`, after the rules of the frontend"
        ]
    );
    let options = Options {
        verdicts: vec!["txn.behind".to_owned()],
        ..closed()
    };
    assert!(unprotected(&options)[1].ends_with("`--verdict` names none of its variables"));
}

#[test]
fn a_group_that_the_sites_own_rules_send_is_not_sent_again() {
    let mut early = message("early", vec![argument("a", Some("req.ssl_sni"))], &[]);
    early.group = Some("first".to_owned());
    let mut limit = message("limit", vec![argument("a", Some("path"))], &["txn.limited"]);
    limit.group = Some("limit".to_owned());
    let agent = agent(vec![early, limit]);
    let rules = "    tcp-request inspect-delay 2s\n    option http-buffer-request\n    http-request \
                 send-spoe-group waf limit if { path / } # here\n    # http-request send-spoe-group waf first\n";
    let mut options = Options {
        rules: Some(rules.to_owned()),
        ..closed()
    };
    let told = written(&agent, &options);
    assert_eq!(
        told.frontend.matches("send-spoe-group waf limit").count(),
        1
    );
    assert_eq!(told.frontend.matches("inspect-delay").count(), 1);
    has(
        &told.frontend,
        &["tcp-request content send-spoe-group waf first if { nbsrv(waf-agents) gt 0 }"],
    );
    let warning = told.warnings[0].to_string();
    assert!(
        warning.contains(
            "write `http-request deny deny_status 503 if !{ var(txn.waf.limited) -m found }`"
        ),
        "{warning}"
    );
    // A site that asks itself has heard it.
    options.rules = Some(format!(
        "{rules}    http-request deny deny_status 503 if {{ path / }} !{{ var(txn.waf.limited) -m found }}\n"
    ));
    assert_eq!(written(&agent, &options).warnings, []);
}

#[test]
fn a_body_of_a_response_is_waited_for() {
    let mut late = message("late", vec![argument("b", Some("res.body"))], &["res.bad"]);
    late.condition = Some("if { status 200 }".to_owned());
    let mut own = message("own", vec![argument("b", Some("res.body,lower"))], &[]);
    own.group = Some("late".to_owned());
    let told = written(&agent(vec![late, own]), &closed());
    let rules: Vec<_> = told.frontend.lines().map(str::trim).collect();
    let rules: Vec<_> = rules
        .iter()
        .filter(|it| it.starts_with("http-response"))
        .collect();
    assert_eq!(
        rules,
        [
            &"http-response wait-for-body time 1s if { nbsrv(waf-agents) gt 0 } { status 200 }",
            &"http-response send-spoe-group waf late-body if { nbsrv(waf-agents) gt 0 } { status 200 }",
            &"http-response wait-for-body time 1s if { nbsrv(waf-agents) gt 0 }",
            &"http-response send-spoe-group waf late if { nbsrv(waf-agents) gt 0 }",
            &"http-response deny deny_status 503 if !{ var(res.waf.bad) -m found } { status 200 }",
            &"http-response deny deny_status 503 if !{ var(txn.waf.answered_own) -m found }",
        ]
    );
    has(&told.spoe, &["groups late-body late"]);
    assert!(!told.spoe.contains("    event "), "{}", told.spoe);
}

#[test]
fn headers_that_show_variables_are_ones_that_servers_take() {
    let agent = agent(vec![message(
        "m",
        Vec::new(),
        &["txn.rules_hit", "txn.rules.hit", "sess.a"],
    )]);
    let frontend = plain(&agent).frontend;
    for name in [
        "x-spoa-txn-waf-rules-hit",
        "x-spoa-txn-waf-rules-hit-2",
        "x-spoa-sess-waf-a",
    ] {
        assert_eq!(
            frontend.matches(&format!("set-header {name} ")).count(),
            1,
            "{frontend}"
        );
    }
    let headers = frontend.split("set-header ").skip(1);
    let mut names = headers.filter_map(|rest| rest.split(' ').next());
    assert!(names.all(|name| !name.contains(['_', '.'])), "{frontend}");
}

#[test]
fn nothing_is_shown_twice() {
    let mut late = message("late", Vec::new(), &["txn.x"]);
    late.event = Some("on-http-response".to_owned());
    let agent = agent(vec![message("m", Vec::new(), &["txn.x"]), late]);
    let options = Options {
        show: true,
        ..closed()
    };
    let frontend = written(&agent, &options).frontend;
    let lines: Vec<_> = frontend
        .lines()
        .filter(|line| line.contains("    http-"))
        .collect();
    for line in &lines {
        assert_eq!(
            lines.iter().filter(|it| it == &line).count(),
            1,
            "{frontend}"
        );
    }
    let options = Options {
        verdicts: vec!["txn.y".to_owned()],
        ..closed()
    };
    let refusal = write(&agent, &options).unwrap_err().to_string();
    assert!(refusal.ends_with(": there is `txn.x`"), "{refusal}");
}

#[test]
fn a_message_that_a_client_can_make_too_large_for_a_frame_is_said() {
    let twice = |event: Option<&str>| {
        let mut twice = message(
            "check",
            vec![
                argument("all", Some("req.hdrs_bin")),
                argument("own", Some("req.fhdr(authorization)")),
            ],
            &["txn.x"],
        );
        twice.condition = event.map(str::to_owned);
        twice
    };
    let warnings = |messages: Vec<Message>| -> Vec<String> {
        let warnings = plain(&agent(messages)).warnings;
        warnings.iter().map(Warning::to_string).collect()
    };
    let said = warnings(vec![twice(None)]);
    assert_eq!(said.len(), 1, "{said:?}");
    assert!(
        said[0].starts_with(
            "src/main.rs:7: a client can make message `check` too large for a frame: "
        ),
        "{said:?}"
    );
    let one = message("one", vec![argument("b", Some("req.body"))], &[]);
    let mut other = message("other", vec![argument("c", Some("req.body"))], &[]);
    let said = warnings(vec![one.clone(), other.clone()]);
    assert!(
        said[0].contains("messages `one` and `other`, which travel together,"),
        "{said:?}"
    );
    // Whether these travel together nobody knows.
    other.condition = Some("if { path / }".to_owned());
    assert_eq!(warnings(vec![one, other]), [""; 0]);
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
            // What docs/operations/lifecycle.md asks for with `--lame-duck 3s`.
            "default-server check inter 500ms fall 2 rise 1",
            "server agent1 10.0.0.1:1",
            "server agent2 unix@/run/a.sock",
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
            r"server agent1 10.0.0.1:1 ssl verify required ca-file /etc/agent\ one.crt crt haproxy.pem",
            "server agent2 unix@/run/a.sock",
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
        &["server agent1 10.0.0.1:1 ssl verify required ca-file ca.pem crt own.pem"],
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

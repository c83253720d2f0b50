//! The files around the messages: frontend, backend, names, comments.

use super::*;

#[test]
fn handlers_end_before_haproxy_stops_waiting() {
    for (timeouts, processing) in [
        (&[][..], "500ms"),
        (&[20, 200], "500ms"),
        (&[1000], "1500ms"),
        (&[2000, 100], "3s"),
        (&[450], "675ms"),
    ] {
        let messages = timeouts.iter().map(|millis| Message {
            timeout: Some(Duration::from_millis(*millis)),
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
fn headers_that_show_variables_have_names_that_servers_accept() {
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
fn rules_of_the_users_own_replace_the_others() {
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
fn sections_after_the_rules_of_the_user_are_not_those_of_the_frontend() {
    let agent = agent(vec![message("m", Vec::new(), &["txn.score"])]);
    let mut options = Options::new(Series::V3_2);
    options.rules = Some(
        "    use_backend api if { path_beg /api }\nbackend api\n    server s 127.0.0.1:1\n\
         frontend admin\n    bind :9000\n    default_backend api\n"
            .into(),
    );
    let own = written(&agent, &options).haproxy;
    let (frontend, others) = own.split_once("backend api\n").unwrap();
    let (_, frontend) = frontend.split_once("frontend www\n").unwrap();
    has(frontend, &["bind :8080", "default_backend servers"]);
    has(
        others,
        &["bind :9000", "default_backend api", "backend servers"],
    );
    assert_eq!(own.matches("default_backend").count(), 2, "{own}");
}

#[test]
fn several_agents_are_balanced_and_checked() {
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
            // The docs in operations/lifecycle.md ask for this with `--lame-duck 3s`.
            "default-server check inter 500ms fall 2 rise 1",
            "server agent1 10.0.0.1:1",
            "server agent2 unix@/run/a.sock",
        ],
    );
}

#[test]
fn haproxy_speaks_tls_to_an_agent_with_a_certificate() {
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
fn names_that_haproxy_would_not_take_are_corrected_or_refused() {
    let mut agent = agent(vec![message("m", Vec::new(), &["txn.verdict"])]);
    agent.name = "ip reputation-2".to_owned();
    let written = plain(&agent);
    assert_eq!(
        (written.engine.as_str(), written.prefix.as_str()),
        ("ip_reputation-2", "ip_reputation_2")
    );
    for (engine, prefix, words) in [
        (Some("a b"), None, "`a b` is not a name for an engine"),
        (None, Some("a-b"), "`a-b` is not a prefix"),
        (None, Some(""), "`` is not a prefix"),
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
fn an_unknown_address_is_a_refusal() {
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
    let mut agent = agent(vec![message("m", Vec::new(), &["proc.total", "txn.x"])]);
    let spoe = plain(&agent).spoe;
    has(&spoe, &["register-var-names total"]);
    assert!(!spoe.contains("max-frame-size"), "{spoe}");
    agent.max_frame_size = 4096;
    has(&plain(&agent).spoe, &["max-frame-size 4096"]);
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
    check.timeout = Some(Duration::from_millis(20));
    check.event = Some("on-client-session".to_owned());
    check.variables[0].rust_type = Some("u8".to_owned());
    let mut agent = agent(vec![check, message("other", Vec::new(), &[])]);
    agent.fallback = true;
    assert_eq!(page(&agent), include_str!("../reference_of_tests.md"));
}

#[test]
fn the_key_of_an_agent_is_kept_before_its_messages() {
    let options = |sticky: &str, series| Options {
        sticky: Some(sticky.to_owned()),
        ..Options::new(series)
    };
    let early = agent(vec![message(
        "early",
        vec![argument("ip", Some("src"))],
        &["txn.a"],
    )]);
    let by_client = written(&early, &options("src", Series::V3_2));
    let rule = "    tcp-request session set-var(sess.waf_sticky) src\n";
    assert!(by_client.frontend.contains(rule), "{}", by_client.frontend);
    let balance = "    balance hash var(psess.waf_sticky)\n    hash-type consistent\n";
    assert!(by_client.backend.contains(balance), "{}", by_client.backend);
    assert_eq!(by_client.warnings, []);
    let by_header = written(&early, &options("req.hdr(x-user)", Series::V3_2));
    let rule = "tcp-request content set-var(txn.waf_sticky) req.hdr(x-user)";
    assert!(by_header.frontend.contains(rule), "{}", by_header.frontend);
    let [warning] = by_header.warnings.as_slice() else {
        panic!("{:?}", by_header.warnings);
    };
    assert_eq!(
        warning.text,
        format!(
            "any agent may get message `early`, since its event comes before `{rule}`: write a later event, or \
             a key that is there from the start, such as `src`, in place of `req.hdr(x-user)`"
        )
    );
    for (sticky, series, said) in [
        (
            "src",
            Series::V3_0,
            "option `--sticky` needs HAProxy 3.1 or later: ",
        ),
        (
            "srcc",
            Series::V3_2,
            "option `--sticky` cannot use `srcc`: HAProxy has no sample fetch `srcc`",
        ),
        (
            "res.hdr(a)",
            Series::V3_2,
            "option `--sticky` cannot use `res.hdr(a)`: HAProxy does not have it",
        ),
    ] {
        let refusal = write(&early, &options(sticky, series))
            .unwrap_err()
            .to_string();
        assert!(refusal.starts_with(said), "{refusal}");
    }
}

/// A rule that denies by the answer to a group would find nothing before the group is sent.
#[test]
fn tcp_rules_of_the_site_come_after_the_groups_and_before_all_http_rules() {
    let mut early = message(
        "early",
        vec![argument("sni", Some("req.ssl_sni"))],
        &["txn.bad"],
    );
    early.group = Some("early".to_owned());
    let late = message("late", vec![argument("b", Some("req.body"))], &["txn.b"]);
    let reject = "    tcp-request content reject if { var(txn.waf.bad) -m bool }\n";
    let options = Options {
        rules: Some(format!("    http-request deny if FALSE\n{reject}")),
        ..Options::new(Series::V2_6)
    };
    let written = written(&agent(vec![early, late]), &options);
    let at = |text: &str| {
        written
            .frontend
            .find(text)
            .unwrap_or_else(|| panic!("{text}"))
    };
    assert!(at("tcp-request content send-spoe-group waf early") < at(reject));
    assert!(at(reject) < at("http-request "));
}

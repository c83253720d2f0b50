//! Rules that deny requests without an answer.

use super::*;

#[test]
fn fail_closed_tests_the_answer_to_every_message() {
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

#[test]
fn a_handler_without_a_certain_variable_gets_a_variable_of_success() {
    let mut sometimes = message("some-times", vec![argument("a", Some("path"))], &["txn.x"]);
    sometimes.variables[0].presence = Presence::Sometimes;
    let mut unknown = message("unknown", vec![argument("a", Some("path"))], &["txn.y"]);
    unknown.variables[0].presence = Presence::Unknown;
    // A variable of the session may be there since an earlier request.
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
fn each_variable_of_success_has_its_own_name() {
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
    let mut late = message("late", Vec::new(), &["txn.late"]);
    late.event = Some("on-backend-http-request".to_owned());
    let agent = agent(vec![late, message("m", Vec::new(), &["txn.m"])]);
    let unprotected = |options: &Options| -> Vec<String> {
        let written = written(&agent, options);
        let comments = written.frontend.matches("# Not protected: message").count();
        assert_eq!(comments, written.warnings.len(), "{}", written.frontend);
        written.warnings.iter().map(Warning::to_string).collect()
    };
    let options = Options {
        rules: Some("default_backend shop".to_owned()),
        ..closed()
    };
    assert_eq!(
        unprotected(&options),
        [
            "src/main.rs:7: message `late` is not protected by `--fail closed`: it is sent at \
          `on-backend-http-request`, after the rules of the frontend"
        ]
    );
    let options = Options {
        verdicts: vec!["txn.late".to_owned()],
        ..options
    };
    assert!(unprotected(&options)[1].ends_with("`--verdict` names none of its variables"));
}

#[test]
fn a_message_at_any_event_is_protected_where_its_answer_is_known() {
    let rule = |event: &str| {
        let mut judged = message("judged", vec![argument("a", Some("src"))], &["txn.x"]);
        judged.event = Some(event.to_owned());
        let haproxy = written(&agent(vec![judged]), &closed()).haproxy;
        let (frontend, servers) = haproxy.split_once("backend servers\n").unwrap();
        let deny = "deny deny_status 503 if !{ var(txn.waf.x) -m found }";
        let (frontend, servers) = (frontend.contains(deny), servers.contains(deny));
        let response = haproxy.contains(&format!("http-response {deny}"));
        assert!(frontend != servers, "{event}: {haproxy}");
        (servers, response)
    };
    for event in ["on-client-session", "on-frontend-http-request"] {
        assert_eq!(rule(event), (false, false), "{event}");
    }
    for event in ["on-backend-tcp-request", "on-backend-http-request"] {
        assert_eq!(rule(event), (true, false), "{event}");
    }
    for event in ["on-server-session", "on-tcp-response", "on-http-response"] {
        assert_eq!(rule(event), (false, true), "{event}");
    }
}

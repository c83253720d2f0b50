//! When each message is sent.

use super::*;

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
fn the_event_that_a_handler_names_is_used() {
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
    assert!(!spoe.contains("names no event"), "{spoe}");
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
fn a_missing_acl_is_named() {
    let mut named = message("m", Vec::new(), &[]);
    named.event = Some("on-client-session".to_owned());
    named.condition = Some("if !local".to_owned());
    let warning = plain(&agent(vec![named])).warnings.remove(0);
    assert!(warning.text.contains("names the ACL `local`"), "{warning}");
}

fn firewall() -> crate::Verdict {
    let outcome = |action, status| crate::Outcome {
        action,
        status: Some(status),
    };
    crate::Verdict {
        declared_by: "Firewall".to_owned(),
        outcomes: vec![
            outcome(crate::Action::Deny, 403),
            outcome(crate::Action::Respond, 200),
        ],
        headers: vec![crate::HeaderRule {
            of_response: false,
            change: crate::HeaderChange::Set,
            name: Some("x-user".to_owned()),
            variable: "set_x_user".to_owned(),
        }],
        ..crate::Verdict::default()
    }
}

/// Returns the comments, the rules in comments, and the other lines of a frontend.
fn parts(frontend: &str) -> (String, Vec<&str>, Vec<&str>) {
    let (mut comments, mut commented, mut lines) = (String::new(), Vec::new(), Vec::new());
    for line in frontend.lines().map(str::trim) {
        match (line.strip_prefix("#     "), line.strip_prefix("# ")) {
            (Some(rule), _) => commented.push(rule),
            (None, Some(text)) => comments.extend([text, " "]),
            (None, None) => lines.push(line),
        }
    }
    (comments, commented, lines)
}

const HEADER: [&str; 2] = [
    "http-request del-header x-user",
    "http-request set-header x-user %[var(txn.waf.set_x_user)] if { var(txn.waf.set_x_user) -m found }",
];

const CONTENT_TYPE: &str = "http-after-response set-header content-type %[var(txn.waf.content_type)] if { \
                            var(txn.waf.content_type) -m found }";

#[test]
fn rules_for_a_verdict_that_are_a_comment_say_why_and_protect_its_headers() {
    let mut late = message("late", vec![argument("a", Some("path"))], &["txn.action"]);
    late.event = Some("on-backend-http-request".to_owned());
    late.verdicts.push(firewall());
    let mut options = Options::new(Series::V3_2);
    options.rules = Some("default_backend site".to_owned());
    let told = written(&agent(vec![late]), &options);
    let (comments, commented, lines) = parts(&told.frontend);
    let why = "They are a comment because your backends are not in this file: copy them into each backend.";
    assert!(comments.contains(why), "{comments}");
    assert!(commented.ends_with(&HEADER), "{commented:#?}");
    assert!(lines.contains(&CONTENT_TYPE), "{lines:#?}");
}

#[test]
fn rules_after_a_rule_that_sends_a_group_protect_the_headers_of_its_verdict() {
    let mut asked = message("asked", vec![argument("a", Some("path"))], &["txn.action"]);
    asked.group = Some("asked".to_owned());
    asked.verdicts.push(firewall());
    let agent = agent(vec![asked]);
    let mut options = Options::new(Series::V3_2);
    options.rules = Some("http-request send-spoe-group waf asked\n".to_owned());
    let told = written(&agent, &options);
    let (_, commented, lines) = parts(&told.frontend);
    assert!(
        commented
            .iter()
            .any(|rule| rule.starts_with("http-request deny"))
    );
    assert!(commented.ends_with(&HEADER), "{commented:#?}");
    assert!(lines.contains(&CONTENT_TYPE), "{lines:#?}");
    // The site's own rules read the action, but not the header.
    options.rules = Some(
        "http-request send-spoe-group waf asked\nhttp-request deny if { var(txn.waf.action) -m str deny }\n"
            .to_owned(),
    );
    let told = written(&agent, &options);
    let (comments, commented, _) = parts(&told.frontend);
    assert_eq!(commented, HEADER);
    let why = "These rules set its request headers, and keep clients from setting them.";
    assert!(comments.contains(why), "{comments}");
    assert!(!comments.contains("These rules enforce it."), "{comments}");
}

#[test]
fn a_group_that_a_rule_sends_with_the_response_is_enforced_by_rules_for_responses() {
    let mut asked = message("asked", vec![argument("a", Some("path"))], &["txn.action"]);
    asked.group = Some("asked".to_owned());
    asked.verdicts.push(firewall());
    let agent = agent(vec![asked]);
    let mut options = Options::new(Series::V3_2);
    for sends in ["http-response", "tcp-response content"] {
        options.rules = Some(format!("{sends} send-spoe-group waf asked\n"));
        let told = written(&agent, &options);
        let (_, commented, _) = parts(&told.frontend);
        assert_eq!(commented.len(), 3, "{commented:#?}");
        for rule in commented {
            assert!(rule.starts_with("http-response "), "{rule}");
        }
    }
}

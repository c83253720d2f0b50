//! Rules for the headers that come with a verdict, beside the site's own rules.

use super::*;
use crate::{Action, HeaderChange, HeaderRule, Outcome, Verdict};

/// Returns the rules of the frontend that change `x-user`, for an agent that sets it.
fn rules_for_the_user(own: &str) -> Vec<String> {
    let mut check = message("check", Vec::new(), &["txn.action", "txn.set_x_user"]);
    check.verdicts = vec![Verdict {
        declared_by: "Guard".to_owned(),
        action: "action".to_owned(),
        status: "status".to_owned(),
        data: "data".to_owned(),
        content_type: "content_type".to_owned(),
        reason: "reason".to_owned(),
        outcomes: vec![Outcome {
            action: Action::Deny,
            status: Some(403),
        }],
        headers: vec![HeaderRule {
            of_response: false,
            change: HeaderChange::Set,
            name: Some("x-user".to_owned()),
            variable: "set_x_user".to_owned(),
        }],
    }];
    let mut options = Options::new(Series::V3_2);
    options.rules = Some(own.to_owned());
    let frontend = written(&agent(vec![check]), &options).frontend;
    let lines = frontend.lines().map(str::trim);
    let lines = lines.filter(|line| line.contains("-header x-user"));
    lines.map(str::to_owned).collect()
}

const RULES: [&str; 2] = [
    "http-request del-header x-user",
    "http-request set-header x-user %[var(txn.waf.set_x_user)] if { var(txn.waf.set_x_user) -m found }",
];

#[test]
fn a_client_cannot_set_a_header_of_the_agent() {
    assert_eq!(rules_for_the_user("bind :8080\n"), RULES);
}

#[test]
fn a_rule_that_only_reads_the_variable_leaves_the_header_protected() {
    for own in [
        "http-after-response set-header x-seen-user %[var(txn.waf.set_x_user)]\n",
        "http-request capture var(txn.waf.set_x_user) len 20\n",
        "http-request deny if { var(txn.waf.set_x_user) -m str root }\n",
    ] {
        assert_eq!(rules_for_the_user(own), RULES, "{own}");
    }
}

#[test]
fn a_rule_that_sets_the_header_replaces_the_rules_of_config() {
    let own = "http-request set-header X-User %[var(txn.waf.set_x_user)]\n";
    assert_eq!(rules_for_the_user(own), [] as [&str; 0]);
}

#[test]
fn a_page_whose_path_has_blanks_and_quotes_is_one_word() {
    let mut check = message("check", Vec::new(), &["txn.action"]);
    check.verdicts = vec![Verdict {
        outcomes: vec![Outcome {
            action: Action::Deny,
            status: Some(403),
        }],
        ..Verdict::default()
    }];
    let mut options = Options::new(Series::V3_2);
    options.spoe_file = "/etc/my agent/spoe.conf".to_owned();
    options.pages = vec![Page {
        status: Some(403),
        file: "it's #1/\"no\".html".to_owned(),
    }];
    let frontend = written(&agent(vec![check]), &options).frontend;
    for words in [
        "content-type text/html file it\\'s\\ \\#1/\\\"no\\\".html if {",
        "config /etc/my\\ agent/spoe.conf\n",
    ] {
        assert!(frontend.contains(words), "`{words}` is not in:\n{frontend}");
    }
}

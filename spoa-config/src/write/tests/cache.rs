//! Answers that HAProxy keeps: which they are, and what is said of the others.

use super::*;
use crate::{Action, Outcome, Verdict};

fn number(name: &str, rust_type: &str) -> Variable {
    Variable {
        rust_type: Some(rust_type.to_owned()),
        ..variable(name)
    }
}

fn judged(name: &str, sample: &str, variables: Vec<Variable>) -> Message {
    Message {
        variables,
        complete: true,
        ..message(name, vec![argument("it", Some(sample))], &[])
    }
}

fn cached(key: &str) -> Options {
    Options {
        cache: Some(Cache {
            key: key.to_owned(),
            time: Duration::from_secs(5),
        }),
        ..Options::new(Series::V2_6)
    }
}

#[test]
fn a_key_has_a_type_that_distinguishes_all_its_values() {
    let agent = agent(vec![judged("check", "src", vec![number("txn.a", "u8")])]);
    for (key, track, table) in [
        ("src", "src", "ipv6"),
        ("dst_port", "dst_port", "integer"),
        (
            "req.hdr(x-key)",
            "req.hdr(x-key),sha2(256)",
            "binary len 32",
        ),
    ] {
        let written = written(&agent, &cached(key));
        let track = format!("http-request track-sc2 {track} table waf-cache");
        has(&written.frontend, &[&track]);
        let table = format!("stick-table type {table} size 100k expire 5s store gpt(2)");
        has(&written.backend, &["backend waf-cache", &table]);
    }
}

#[test]
fn an_answer_is_kept_under_the_condition_of_its_message() {
    let mut check = judged("check", "src", vec![number("sess.a", "bool")]);
    check.condition = Some("unless { path /a } or METH_GET".to_owned());
    let written = written(&agent(vec![check]), &cached("src"));
    let old = "!{ var(txn.waf_age) -m int lt 5 }";
    has(
        &written.frontend,
        &[
            "http-request unset-var(sess.waf.a) unless { path /a } or METH_GET",
            &format!(
                "http-request set-var(sess.waf.a) sc_get_gpt(1,2),bool unless {old} or {{ path /a }} or METH_GET"
            ),
            "http-request send-spoe-group waf check unless { nbsrv(waf-agents) lt 1 } or \
             { var(txn.waf_age) -m int lt 5 } or { path /a } or METH_GET",
            "http-request sc-set-gpt(0,2) date unless { var(txn.waf_age) -m int lt 5 } or \
             !{ var(sess.waf.a) -m found } or { path /a } or METH_GET",
        ],
    );
    assert_eq!(written.warnings, []);
}

#[test]
fn a_counter_of_the_sites_own_rules_is_left_to_them() {
    let agent = agent(vec![judged("check", "src", vec![number("txn.a", "u8")])]);
    let rules = |counters: &[u8]| {
        let rules = counters
            .iter()
            .map(|counter| format!("http-request track-sc{counter} src table t\n"));
        Options {
            rules: Some(rules.collect()),
            ..cached("src")
        }
    };
    let other = written(&agent, &rules(&[2]));
    has(
        &other.frontend,
        &["http-request track-sc1 src table waf-cache"],
    );
    let refusal = write(&agent, &rules(&[0, 1, 2])).unwrap_err().to_string();
    assert!(refusal.contains("use all of `track-sc0`"), "{refusal}");
}

#[test]
fn answers_that_are_not_kept_are_reported_with_the_reason() {
    let sometimes = Variable {
        presence: Presence::Sometimes,
        ..number("txn.b", "u8")
    };
    let unknown = Variable {
        presence: Presence::Unknown,
        ..number("txn.b", "u8")
    };
    for (variable, why) in [
        (
            number("txn.b", "String"),
            "`txn.b` is `String`, and a table keeps",
        ),
        (
            number("txn.b", "i64"),
            "`txn.b` is `i64`, and a table keeps",
        ),
        (
            number("proc.b", "u8"),
            "`proc.b` already holds for all requests, because it is in the scope `proc`",
        ),
        (sometimes, "it may leave `txn.b` unset"),
        (unknown, "nothing says that each success sets `txn.b`"),
    ] {
        let other = judged("other", "src", vec![variable]);
        let both = [
            judged("check", "src", vec![number("txn.a", "u8")]),
            other.clone(),
        ];
        let [warning] = &written(&agent(both.to_vec()), &cached("src")).warnings[..] else {
            panic!("one warning: {why}");
        };
        let says = format!("the answer to message `other` is not kept: {why}");
        assert!(warning.text.starts_with(&says), "{}", warning.text);
        let refusal = write(&agent(vec![other]), &cached("src"))
            .unwrap_err()
            .to_string();
        let says = format!("option `--cache` cannot use `src`: {says}");
        assert!(refusal.starts_with(&says), "{refusal}");
    }
    for action in [Action::Challenge, Action::Redirect, Action::Respond] {
        let outcome = Outcome {
            action,
            status: Some(200),
        };
        let verdict = Verdict {
            outcomes: vec![outcome],
            ..Verdict::default()
        };
        let check = Message {
            verdicts: vec![verdict],
            ..judged("check", "src", vec![number("txn.a", "u8")])
        };
        let refusal = write(&agent(vec![check]), &cached("src")).unwrap_err();
        let says = format!("its verdict can be `{}`, which has a text", action.name());
        assert!(refusal.to_string().contains(&says), "{refusal}");
    }
    let other = judged("check", "path", vec![number("txn.a", "u8")]);
    let [warning] = &written(&agent(vec![other]), &cached("src")).warnings[..] else {
        panic!("one warning");
    };
    assert_eq!(
        warning.text,
        "the answer to message `check` is kept for all requests of one `src`, also if they differ in `path`"
    );
    let agent = agent(vec![judged("check", "src", vec![number("txn.a", "u8")])]);
    let refusal = write(&agent, &cached("res.hdr(a)")).unwrap_err();
    assert!(
        refusal
            .to_string()
            .contains("HAProxy does not have it when a request comes")
    );
}

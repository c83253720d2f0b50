//! Verdicts at the event of backends: `config` writes their rules into the backend that it writes.

use std::process::Command;

use spoa_tests::{Origin, Port, Request, TempDir, for_each_haproxy};

use crate::common::program;
use crate::written::{Written, ask, serving, stop};

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-bodied"))
}

#[test]
fn a_verdict_at_the_event_of_backends_is_enforced_in_the_backend() {
    for_each_haproxy(|haproxy| {
        for (fail, unjudged) in [("open", 200), ("closed", 503)] {
            let (port, fail) = (Port::free(), format!("--fail={fail}"));
            let listen = port.addr().to_string();
            let written = Written::by(
                agent(),
                haproxy,
                &["--engine=bodied", "--listen", &listen, &fail],
            );
            let mut warnings = written.warnings.iter();
            let about_bodies = |line: &String| line.contains("percent-encodes");
            assert!(
                warnings.all(about_bodies),
                "{haproxy}: {:?}",
                written.warnings
            );
            let process = serving(agent(), &listen);
            let proxy = written.start(haproxy);
            let judge = |what: &str| proxy.send(&Request::get("/judge").header("x-ask", what));
            ask(&proxy, &Request::get("/"), "a measured request", |reply| {
                reply.status == 200
            });
            assert_eq!(judge("allow").status, 200, "{haproxy} {fail}");
            for status in [403, 429] {
                let reply = judge(&format!("deny {status}"));
                assert_eq!(reply.status, status, "{haproxy} {fail}");
            }
            let reply = judge("redirect");
            let location = reply.header("location");
            assert_eq!((reply.status, location), (302, Some("/login")), "{haproxy}");
            let reply = judge("respond");
            let content_type = reply.header("content-type");
            assert_eq!(content_type, Some("text/x-mine"), "{haproxy} {fail}");
            assert_eq!(reply.text(), "mine", "{haproxy} {fail}");
            // A handler that fails, and an agent that is down.
            assert_eq!(judge("nothing").status, unjudged, "{haproxy} {fail}");
            proxy.admin("disable server bodied-agents/agent1");
            assert_eq!(judge("deny 403").status, unjudged, "{haproxy} {fail} down");
            assert_eq!(judge("allow").status, unjudged, "{haproxy} {fail} down");
            drop(proxy);
            drop(process);
        }
    });
}

#[test]
fn the_rules_of_other_backends_are_in_a_comment() {
    for_each_haproxy(|haproxy| {
        let (front, port) = (Port::free(), Port::free());
        let listen = port.addr().to_string();
        let dir = TempDir::new();
        let rules = format!(
            "    bind {}\n    default_backend site\n\nbackend site\n    http-request return status 200\n",
            front.addr()
        );
        let rules = dir.write("rules.cfg", &rules).display().to_string();
        let args = [
            "--engine=bodied",
            "--listen",
            &listen,
            "--fail=closed",
            "--rules",
            &rules,
        ];
        let written = Written::by(agent(), haproxy, &args);
        let warned = |text: &str| written.warnings.iter().any(|line| line.contains(text));
        assert!(
            warned("copy the rules from the comment into the backend"),
            "{:?}",
            written.warnings
        );
        let config = written.read("haproxy.cfg");
        let rule = "#     http-request deny deny_status 403 if { var(txn.bodied.backend_action) -m str deny }";
        assert!(config.contains(rule), "{config}");
    });
}

#[test]
fn an_agent_stops_without_a_warning_after_bodies() {
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let listen = port.addr().to_string();
        let written = Written::by(
            agent(),
            haproxy,
            &["--engine=bodied", "--listen", &listen, "--show"],
        );
        let process = serving(agent(), &listen);
        let proxy = written.start(haproxy);
        let measured = Request::post("/", "hello");
        ask(&proxy, &measured, "a measured request", |reply| {
            reply.header("x-spoa-txn-bodied-upload") == Some("complete")
        });
        stop(process);
    });
}

#[test]
fn a_verdict_at_the_events_of_servers_is_enforced_on_the_response() {
    for_each_haproxy(|haproxy| {
        for (variable, ask_for, open, closed) in [
            ("JUDGE_NOBODY", "allow", 200, 200),
            ("JUDGE_SERVER", "deny", 429, 429),
            ("JUDGE_SERVER", "fail", 200, 503),
            ("JUDGE_RESPONSE", "deny", 429, 429),
            ("JUDGE_RESPONSE", "fail", 200, 503),
        ] {
            for (fail, status) in [("open", open), ("closed", closed)] {
                let (front, port, origin) = (Port::free(), Port::free(), Origin::start());
                let listen = port.addr().to_string();
                let dir = TempDir::new();
                let rules = format!(
                    "    bind {}\n    http-after-response set-header x-action %[var(txn.bodied.upload)]\n    \
                     default_backend site\n\nbackend site\n    server site {}\n",
                    front.addr(),
                    origin.addr()
                );
                let rules = dir.write("rules.cfg", &rules).display().to_string();
                let fail = format!("--fail={fail}");
                let args = [
                    "--engine=bodied",
                    "--listen",
                    &listen,
                    &fail,
                    "--rules",
                    &rules,
                ];
                let mut written = Written::by(agent(), haproxy, &args);
                written.serve_at(front);
                let mut process = agent();
                process.env(variable, ask_for);
                let process = serving(process, &listen);
                let proxy = written.start(haproxy);
                let about = format!("{haproxy} {variable} {ask_for} {fail}");
                ask(&proxy, &Request::get("/"), &about, |reply| {
                    reply.status == status
                });
                drop(proxy);
                drop(process);
            }
        }
    });
}

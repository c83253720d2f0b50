//! The types of `spoa::http` name their samples: `config` writes them, HAProxy and `doctor` take them, and both
//! refuse them where they are not available.

use std::fs;
use std::process::Command;

use spoa_tests::{Haproxy, for_each_haproxy};

use crate::common::program;
use crate::written::Written;

/// The arguments that `config` writes for each message, and an event at which they are not available. `None` is for
/// those that are there at every event that a message can be moved to here.
const MESSAGES: [(&str, &str, Option<&str>); 19] = [
    ("method", "method=method", Some("on-client-session")),
    ("path", "path=path", Some("on-client-session")),
    ("query", "query=query", Some("on-client-session")),
    ("headers", "headers=req.hdrs_bin", Some("on-http-response")),
    ("cookies", "headers=req.hdrs_bin", Some("on-http-response")),
    ("host", "host=req.fhdr(host)", Some("on-http-response")),
    (
        "bearer",
        "token=req.fhdr(authorization)",
        Some("on-http-response"),
    ),
    (
        "basic",
        "user=req.fhdr(authorization)",
        Some("on-http-response"),
    ),
    (
        "trace",
        "trace=req.fhdr(traceparent)",
        Some("on-http-response"),
    ),
    ("id", "id=unique-id", None),
    (
        "client",
        "src=src headers=req.hdrs_bin",
        Some("on-client-session"),
    ),
    ("form", "form=req.body,bytes(0,", None),
    ("body", "body=req.body,bytes(0,", None),
    ("query-fields", "query=query", Some("on-client-session")),
    ("form-fields", "form=req.body,bytes(0,", None),
    ("json", "json=req.body,bytes(0,", None),
    ("hello", "ssl_fc_cipherlist_bin", None),
    ("late-method", "method=method", None),
    (
        "late-headers",
        "headers=res.hdrs_bin",
        Some("on-frontend-http-request"),
    ),
];

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-typed"))
}

/// Returns whether `doctor` finds nothing to fix, and its report.
fn doctor(written: &Written, haproxy: &Haproxy) -> (bool, String) {
    let (major, minor) = haproxy.series();
    let examined = agent()
        .args([
            "doctor",
            &format!("--haproxy={major}.{minor}"),
            "haproxy.cfg",
        ])
        .current_dir(written.dir.path())
        .output()
        .expect("the agent runs");
    let said = String::from_utf8_lossy(&examined.stdout).into_owned();
    (examined.status.success(), said)
}

/// Returns the lines of a message in spoe.conf.
fn section<'t>(spoe: &'t str, message: &str) -> &'t str {
    let head = format!("spoe-message {message}\n");
    let (_, rest) = spoe.split_once(&head).expect("the message is written");
    let end = rest.find("\nspoe-").unwrap_or(rest.len());
    &rest[..end]
}

#[test]
fn samples_of_types_are_written_and_found_where_they_are_not_available() {
    for_each_haproxy(|haproxy| {
        let written = Written::by(agent(), haproxy, &["--listen=127.0.0.1:12345"]);
        let (good, said) = doctor(&written, haproxy);
        assert!(
            good && said.starts_with("no problems found in "),
            "{haproxy}: {said}"
        );
        let spoe = written.read("spoe.conf");
        let late = section(&spoe, "late-body");
        assert!(late.contains("body=res.body"), "{haproxy}: {late}");
        for (message, args, elsewhere) in MESSAGES {
            let lines = section(&spoe, message);
            assert!(lines.contains(args), "{haproxy} {message}: {lines}");
            let Some(elsewhere) = elsewhere else { continue };
            let event = lines
                .lines()
                .find(|line| line.trim_start().starts_with("event "));
            let event = event.unwrap_or_else(|| panic!("{message} has an event: {lines}"));
            let moved = lines.replace(event, &format!("    event {elsewhere}"));
            let path = written.dir.join("spoe.conf");
            fs::write(&path, spoe.replace(lines, &moved)).expect("it is written");
            let (_, said) = doctor(&written, haproxy);
            let sample = args.rsplit('=').next().unwrap_or_default();
            assert!(
                said.contains("[SPOA036]") && said.contains(sample),
                "{haproxy} {message} at {elsewhere}: {said}"
            );
            fs::write(&path, &spoe).expect("it is written");
        }
    });
}

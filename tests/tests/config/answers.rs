//! Failing closed, for every kind of return type: what a handler has answered passes, and nothing else does.

use std::process::Command;
use std::time::Duration;

use spoa_tests::{Haproxy, Port, Process, Proxy, Request, TempDir, eventually, for_each_haproxy};

use crate::common::program;
use crate::slow_server::{Framing, Slow, slow_server};
use crate::written::{Written, ask, serving};

/// The messages that depend on a path, each with its own return type.
const PATHS: [&str; 28] = [
    "unit",
    "set-var",
    "session",
    "computed",
    "option",
    "some",
    "result",
    "tuple",
    "list",
    "array",
    "unset",
    "actions",
    "struct",
    "kept",
    "only-options",
    "no-struct",
    "undone",
    "unit-struct",
    "value",
    "no-value",
    "null",
    "gone",
    "twice",
    "opaque",
    "slow",
    "blocks",
    "places",
    "grouped",
];

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-answers"))
}

/// Returns the response of the site's server, which says what the query does.
fn respond(target: &str) -> Slow {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (status, judge) = match path {
        "/late" => (200, query),
        "/body" => (201, ""),
        _ => (200, ""),
    };
    let late = path == "/body";
    Slow {
        status,
        header: ("x-judge", judge.to_owned()),
        framing: Framing::Length,
        first: if late { "" } else { "not a secret" },
        pause: Duration::from_millis(if late { 100 } else { 0 }),
        second: if late { "not a secret" } else { "" },
    }
}

struct Stack {
    proxy: Proxy,
    agent: Process,
    warnings: Vec<String>,
    _dir: TempDir,
}

/// Starts the agent, and HAProxy by `start`.
fn stack(haproxy: &Haproxy, args: &[&str], start: impl Fn(&Written, &Haproxy) -> Proxy) -> Stack {
    let (dir, front, port) = (TempDir::new(), Port::free(), Port::free());
    let listen = port.addr().to_string();
    let rules = format!(
        "    bind {}\n    http-response set-header x-leak %[var(txn.answers.leak)]\n    \
         default_backend site\n\nbackend site\n    server site {}\n",
        front.addr(),
        slow_server(respond)
    );
    let rules = dir.write("rules.cfg", &rules).display().to_string();
    let mut all = vec!["--listen", &listen, "--fail=closed", "--rules", &rules];
    all.extend(args);
    let mut written = Written::by(agent(), haproxy, &all);
    written.serve_at(front);
    let agent = serving(agent(), &listen);
    let proxy = start(&written, haproxy);
    ask(&proxy, &Request::get("/"), "a judged request", |reply| {
        reply.status == 200
    });
    Stack {
        proxy,
        agent,
        warnings: written.warnings,
        _dir: dir,
    }
}

#[test]
fn answered_requests_pass_and_all_others_are_denied_whatever_a_handler_returns() {
    for_each_haproxy(|haproxy| {
        let Stack {
            proxy,
            agent,
            warnings,
            _dir,
        } = stack(haproxy, &[], Written::start);
        let status = |target: &str| proxy.get(target).status;

        // A rule can ask for the answer to each message.
        assert_eq!(warnings, [""; 0], "{haproxy}");
        for path in PATHS {
            let good = format!("/{path}");
            assert_eq!(status(&good), 200, "{haproxy} {path}");
            for how in ["fail", "panic"] {
                assert_eq!(
                    status(&format!("{good}?{how}")),
                    503,
                    "{haproxy} {path} {how}"
                );
                assert_eq!(status(&good), 200, "{haproxy} {path} after {how}");
            }
        }
        for path in ["slow", "blocks"] {
            assert_eq!(status(&format!("/{path}?late")), 503, "{haproxy} {path}");
        }
        assert_eq!(status("/late"), 200, "{haproxy}");
        for how in ["fail", "panic"] {
            assert_eq!(status(&format!("/late?{how}")), 503, "{haproxy} {how}");
        }

        // An earlier answer on the same connection stands for nothing.
        let mut client = proxy.client();
        for (target, expected) in [("/session", 200), ("/session?fail", 503), ("/kept", 200)] {
            assert_eq!(client.get(target).status, expected, "{haproxy} {target}");
        }

        // Not at all.
        let halted = stack(haproxy, &[], Written::start_as_written);
        halted.agent.signal("STOP");
        for path in ["/unit", "/set-var"] {
            assert_eq!(
                halted.proxy.get(path).status,
                503,
                "{haproxy} {path} halted"
            );
        }
        halted.agent.signal("CONT");
        let judged = Request::get("/");
        ask(&halted.proxy, &judged, "a judged request", |reply| {
            reply.status == 200
        });
        drop(halted);
        proxy.admin("disable server answers-agents/agent1");
        for path in PATHS.into_iter().chain(["late"]) {
            assert_eq!(status(&format!("/{path}")), 503, "{haproxy} {path} down");
        }
        // The access log says why. HAProxy may lose a line: see `Proxy::wait_for_log`.
        eventually("a line of the access log for `/down`", || {
            assert_eq!(status("/down"), 503);
            let logs = proxy.logs();
            let mut lines = logs.iter().filter(|line| line.contains("\"GET /down "));
            let line = lines.next();
            assert!(
                line.is_none_or(|line| line.contains(" {down} ")),
                "{haproxy}: {line:?}"
            );
            line.is_some()
        });
        drop(agent);
    });
}

#[test]
fn a_body_that_comes_after_its_head_is_seen() {
    for_each_haproxy(|haproxy| {
        let stack = stack(haproxy, &["--verdict=txn.leak"], Written::start);
        for _ in 0..10 {
            let reply = stack.proxy.get("/body");
            let leak = reply.header("x-leak").map(str::to_owned);
            assert_eq!(
                (reply.status, leak.as_deref()),
                (201, Some("1")),
                "{haproxy}"
            );
        }
        drop(stack.agent);
    });
}

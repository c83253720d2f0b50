//! The examples work with the configuration they write, without one of their own.

use spoa_tests::{Port, Request, TempDir, example, for_each_haproxy};

use crate::written::{Written, ask, serving, stop};

/// An example, and the header that shows its answer to a request.
const EXAMPLES: [(&str, &str, &str); 3] = [
    ("ip-reputation", "x-spoa-sess-ip-reputation-ip-score", "100"),
    ("inspect", "x-spoa-txn-inspect-blocked", "0"),
    ("multi", "x-spoa-sess-multi-network", "own"),
];

#[test]
fn every_example_works_with_the_configuration_it_writes() {
    for_each_haproxy(|haproxy| {
        for (name, header, value) in EXAMPLES {
            let port = Port::free();
            let listen = port.addr().to_string();
            let written = Written::by(example(name), haproxy, &["--listen", &listen, "--show"]);
            assert_eq!(written.warnings, [""; 0], "{name}");
            let agent = serving(example(name), &listen);
            let proxy = written.start(haproxy);
            let reply = ask(
                &proxy,
                &Request::get("/"),
                "an answer of the agent's",
                |reply| reply.header(header).is_some(),
            );
            assert_eq!(
                (reply.status, reply.header(header)),
                (200, Some(value)),
                "{name}"
            );
            stop(agent);
        }
    });
}

#[test]
fn every_example_can_fail_closed() {
    for_each_haproxy(|haproxy| {
        for (name, _, _) in EXAMPLES {
            let port = Port::free();
            let listen = port.addr().to_string();
            let verdict = match name {
                "multi" => "--verdict=txn.backend",
                "inspect" => "--verdict=txn.blocked",
                _ => "--verdict=sess.ip_score",
            };
            let args = ["--listen", &listen, "--fail=closed", verdict];
            let written = Written::by(example(name), haproxy, &args);
            // The first request may wait for an agent that is not there.
            let proxy = written.start_as_written(haproxy);
            assert_eq!(proxy.get("/").status, 503, "{name}");
            let _agent = serving(example(name), &listen);
            ask(&proxy, &Request::get("/"), "a request passes", |reply| {
                reply.status == 200
            });
        }
    });
}

#[test]
fn the_log_line_says_why_a_request_was_denied() {
    for_each_haproxy(|haproxy| {
        for own in [false, true] {
            let (dir, front, port) = (TempDir::new(), Port::free(), Port::free());
            let bind = format!("    bind {}\n    default_backend x\n", front.addr());
            let answer = "backend x\n    http-request return status 200\n";
            let rules = dir.write("rules.cfg", &format!("{bind}\n{answer}"));
            let rules = format!("--rules={}", rules.display());
            let listen = port.addr().to_string();
            let mut args = vec![
                "--listen",
                &listen,
                "--fail=closed",
                "--verdict=sess.ip_score",
            ];
            args.extend(own.then_some(rules.as_str()));
            let mut written = Written::by(example("ip-reputation"), haproxy, &args);
            if own {
                written.serve_at(front);
            }
            let agent = serving(example("ip-reputation"), &listen);
            let proxy = written.start_as_written(haproxy);
            ask(&proxy, &Request::get("/"), "a judged request", |reply| {
                reply.status == 200
            });
            // It is asked even if the machine is so busy that checks fail before.
            assert_eq!(
                proxy
                    .admin("disable health ip-reputation-agents/agent1")
                    .trim(),
                ""
            );
            agent.signal("STOP");
            assert_eq!(proxy.get("/asked").status, 503);
            // 1 is `timeout processing`.
            let line = proxy.wait_for_log("\"GET /asked HTTP/1.1\"");
            assert!(line.contains(" {1} \"GET /asked"), "{haproxy}: {line}");
            agent.signal("CONT");
        }
    });
}

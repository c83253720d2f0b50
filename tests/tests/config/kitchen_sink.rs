//! The agent with a handler of every kind works with the configuration it writes.

use spoa_tests::{Origin, Port, Reply, Request, TempDir, for_each_haproxy, haproxies};

use crate::common::{program, said};
use crate::written::{Written, ask, serving, stop};

fn agent() -> std::process::Command {
    program(env!("CARGO_BIN_EXE_agent-kitchen-sink"))
}

/// A site with a server of its own, since HAProxy's own answers are not sent through all events.
fn rules(dir: &TempDir, origin: &Origin, front: &Port) -> String {
    let shown = [
        "sess.kitchen_sink.loopback",
        "txn.kitchen_sink.port",
        "txn.kitchen_sink.blocked",
        "txn.kitchen_sink.size",
        "proc.kitchen_sink.judged",
        "txn.kitchen_sink.after",
        "txn.kitchen_sink.server",
        "txn.kitchen_sink.class",
        "txn.kitchen_sink.route",
        "txn.mark",
        "txn.kitchen_sink.bytes",
        "res.kitchen_sink.left",
        "txn.kitchen_sink.guessed",
        "txn.kitchen_sink.spoe_error",
    ];
    let mut rules = format!("    bind {}\n", front.addr());
    rules.push_str("    http-request set-var(txn.mark) var(req.kitchen_sink.mark)\n");
    for name in shown {
        let header = name.replace("kitchen_sink.", "").replace('.', "-");
        rules.push_str(&format!(
            "    http-after-response set-header {header} %[var({name})] if {{ var({name}) -m found }}\n"
        ));
    }
    rules.push_str(&format!(
        "    default_backend site\n\nbackend site\n    server origin {}\n",
        origin.addr()
    ));
    dir.write("rules.cfg", &rules)
        .to_string_lossy()
        .into_owned()
}

fn headers<'r>(reply: &'r Reply, names: &[&str]) -> Vec<Option<&'r str>> {
    names.iter().map(|name| reply.header(name)).collect()
}

#[test]
fn every_event_every_group_and_every_scope_work_as_written() {
    for_each_haproxy(|haproxy| {
        let (dir, origin, front) = (TempDir::new(), Origin::start(), Port::free());
        let rules = rules(&dir, &origin, &front);
        let listen = format!("unix@{},mode=666", dir.join("agent.sock").display());
        let mut written = Written::by(agent(), haproxy, &["--listen", &listen, "--rules", &rules]);
        written.serve_at(front);
        let agent = serving(agent(), &listen);
        let proxy = written.start(haproxy);

        let api = Request::post("/api/Harm", "four").header("user-agent", "test");
        // These are the last event, and the handlers that can be late on a busy machine.
        let awaited = ["res-left", "txn-blocked", "txn-mark"];
        let reply = ask(&proxy, &api, "an answer of every handler", |reply| {
            awaited.iter().all(|name| reply.header(name).is_some())
        });
        assert_eq!(reply.status, 200);
        for (name, value) in [
            ("sess-loopback", "1"),
            ("txn-blocked", "1"),
            ("txn-size", "4"),
            ("proc-judged", "1"),
            ("txn-after", "post"),
            ("txn-server", "1"),
            ("txn-class", "site-2xx"),
            ("txn-route", "www/api/Harmfalse"),
            ("txn-mark", "a b"),
            ("txn-bytes", "1"),
            ("res-left", "none"),
            ("txn-guessed", "test0true"),
        ] {
            assert_eq!(reply.header(name), Some(value), "{name}");
        }
        assert_eq!(
            reply.header("txn-port"),
            Some(proxy.addr().port().to_string().as_str())
        );
        assert_eq!(reply.header("txn-spoe_error"), None);

        // The conditions except these.
        let reply = proxy.get("/static/a");
        let excepted = ["txn-blocked", "txn-after", "txn-route", "txn-mark"];
        assert_eq!(headers(&reply, &excepted), [None; 4]);
        assert_eq!(reply.header("txn-bytes"), Some("1"));
        stop(agent);
    });
}

#[test]
fn a_missing_sample_is_a_warning_and_a_line_to_complete() {
    let written = Written::by(agent(), &haproxies()[0], &[]);
    let at = |line: &str| {
        let source = include_str!("../../agents/kitchen_sink.rs");
        1 + source
            .lines()
            .position(|it| it == line)
            .expect("it is there")
    };
    let line =
        at("fn unsaid(user_agent: Option<Text<'_>>, level: u8, cart: Option<&str>) -> String {");
    assert_eq!(
        written.warnings,
        [
            format!(
                "warning: tests/agents/kitchen_sink.rs:{line}: argument `level: u8` of message \
                 `unsaid` is `int(0)`, since nothing says where HAProxy gets it: write \
                 `#[arg(sample = \"…\")]` before it"
            ),
            format!(
                "warning: tests/agents/kitchen_sink.rs:{line}: argument `cart: Option<&str>` of \
                 message `unsaid` is not sent, since nothing says where HAProxy gets it: write \
                 `#[arg(sample = \"…\")]` before it"
            ),
        ]
    );
    assert!(
        written
            .read("spoe.conf")
            .contains("    # TODO: say where HAProxy gets `level`")
    );
}

#[test]
fn fail_closed_denies_requests_without_a_verdict() {
    for_each_haproxy(|haproxy| {
        let port = Port::free();
        let listen = port.addr().to_string();
        let written = Written::by(
            agent(),
            haproxy,
            &[
                "--listen",
                &listen,
                "--fail=closed",
                "--verdict=txn.blocked",
                "--verdict=sess.loopback",
            ],
        );
        let agent = serving(agent(), &listen);
        let proxy = written.start(haproxy);
        ask(&proxy, &Request::get("/"), "a request passes", |reply| {
            reply.status == 200
        });
        ask(
            &proxy,
            &Request::post("/", "a=1"),
            "a POST passes",
            |reply| reply.status == 200,
        );
        proxy.admin("disable server kitchen_sink-agents/agent1");
        assert_eq!(proxy.get("/").status, 503);
        proxy.admin("enable server kitchen_sink-agents/agent1");
        ask(&proxy, &Request::get("/"), "a request passes", |reply| {
            reply.status == 200
        });
        stop(agent);
        ask(&proxy, &Request::get("/"), "requests are denied", |reply| {
            reply.status == 503
        });
    });
}

#[test]
fn several_agents_share_the_messages() {
    for_each_haproxy(|haproxy| {
        let ports = [Port::free(), Port::free()];
        let addresses = ports.each_ref().map(|port| port.addr().to_string());
        let servers = addresses
            .each_ref()
            .map(|address| format!("--server={address}"));
        let written = Written::by(agent(), haproxy, &[&servers[0], &servers[1], "--show"]);
        let [one, other] = addresses
            .each_ref()
            .map(|address| serving(agent(), address));
        let proxy = written.start(haproxy);
        let header = "x-spoa-sess-kitchen-sink-loopback";
        ask(&proxy, &Request::get("/"), "an answer", |reply| {
            reply.header(header).is_some()
        });
        // Either of them does.
        stop(one);
        ask(&proxy, &Request::get("/"), "an answer", |reply| {
            reply.header(header).is_some()
        });
        assert_eq!(proxy.get("/").header(header), Some("1"));
        stop(other);
    });
}

#[test]
fn the_page_of_the_agent_has_all_that_is_known() {
    let said = said(agent().arg("docs"));
    assert_eq!(said.out, include_str!("kitchen_sink.md"));
    // A missing sample is named there, too.
    assert_eq!((said.status, said.err.lines().count()), (Some(0), 2));
    let place = "warning: tests/agents/kitchen_sink.rs:";
    assert!(
        said.err.lines().all(|line| line.starts_with(place)),
        "{}",
        said.err
    );
}

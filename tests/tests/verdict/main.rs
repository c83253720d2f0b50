//! Each verdict at each event, over HTTP/1.1 and HTTP/2, from an agent that is well, late, failing or down, with the
//! rules that `config` writes for it: clients get what the handler decided.

#[path = "../common/mod.rs"]
mod common;
mod coraza;
mod http2;
mod spoe_auth;
mod together;
#[path = "../config/written.rs"]
#[allow(dead_code, reason = "the tests of `config` use more of it")]
mod written;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use common::program;
use spoa::testing::{HaProxy, HaProxyBuilder, InstalledHaProxy, Reply};
use spoa_tests::{Client, Haproxy, TempDir, eventually, for_each_haproxy};
use written::Written;

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-judging"))
}

/// Puts a HAProxy with the rules in front of an agent. The server shows which headers it got, and asks in its response
/// for what the client asks for with `x-late`.
fn site(haproxy: &Haproxy, agent: Command) -> HaProxyBuilder {
    let installed = InstalledHaProxy::at(haproxy.path()).expect("it is one");
    HaProxy::program(agent)
        .rules("timeout tarpit 50ms")
        .server(|request| {
            let headers = request.headers.iter();
            let lines =
                headers.map(|(name, value)| [name.as_bytes(), b": ", value, b"\r\n"].concat());
            let reply = Reply::new(200, lines.collect::<Vec<_>>().concat());
            let reply = reply.with("content-type", "text/plain");
            match request.header("x-late") {
                Some(what) => reply.with("x-ask", &what),
                None => reply,
            }
        })
        .on(&installed)
}

/// Denies what has no verdict, and shows a page to clients that are challenged.
fn closed(haproxy: &Haproxy) -> (HaProxy, TempDir) {
    let dir = TempDir::new();
    let shown = "<p id=\"%[var(txn.judging.data)]\">Are you human?</p>";
    let page = dir.write("challenge.html", shown);
    (
        site(haproxy, agent())
            .fail_closed()
            .page(None, page)
            .start(),
        dir,
    )
}

fn ask(site: &HaProxy, header: &str, what: &str) -> Reply {
    site.get("/")
        .header(header, what)
        .header("x-user", "evil")
        .header("authorization", "Basic x")
        .send()
}

/// The sides of a request: the header that asks there.
const SIDES: [&str; 2] = ["x-ask", "x-late"];

fn has(reply: &Reply, header: &str) -> bool {
    reply.text().to_lowercase().contains(header)
}

#[test]
fn every_verdict_is_enforced_at_every_event() {
    for_each_haproxy(|haproxy| {
        let (site, _dir) = closed(haproxy);
        for side in SIDES {
            let ask = |what: &str| ask(&site, side, what);
            let about = |what: &str| format!("{haproxy} {side} {what}");

            assert_eq!(ask("allow").status, 200, "{}", about("allow"));
            for status in [403, 418, 429] {
                let what = format!("deny {status}");
                assert_eq!(ask(&what).status, status, "{}", about(&what));
            }
            for status in [302, 307] {
                let what = format!("redirect {status}");
                let reply = ask(&what);
                assert_eq!(reply.status, status, "{}", about(&what));
                let location = reply.header("location");
                let expected = "/login?next=%2F&x=\"y\"%0D%0Ax-evil: 1";
                assert_eq!(location, Some(expected), "{}", about(&what));
                assert_eq!(reply.header("x-evil"), None);
            }
            for status in [200, 404] {
                let what = format!("respond {status}");
                let reply = ask(&what);
                assert_eq!(reply.status, status, "{}", about(&what));
                assert_eq!(reply.text(), "<p>100% \"mögen\" % %[src]</p>");
                let content_type = reply.header("content-type");
                assert_eq!(content_type, Some("text/html; charset=utf-8"));
            }
            let empty = ask("respond 204");
            assert_eq!(
                (empty.status, empty.text().as_str()),
                (204, ""),
                "{}",
                about("204")
            );
            assert_eq!(ask("long").body.len(), 10_000, "{}", about("long"));
            let challenge = ask("challenge");
            assert_eq!(challenge.status, 401, "{}", about("challenge"));
            assert_eq!(challenge.text(), "<p id=\"t0ken\">Are you human?</p>");
            assert_eq!(challenge.header("content-type"), Some("text/html"));
            assert_eq!(ask("tarpit").status, 429, "{}", about("tarpit"));
            assert_eq!(dropped(&site, side), "", "{}", about("drop"));
            let denied = ask("denied-with-headers");
            assert_eq!(denied.status, 403, "{}", about("headers of a denial"));
            assert_eq!(denied.header("x-judged"), Some("no"));
            // A verdict that is not declared is a failure, and so is any other.
            for what in ["deny 500", "redirect 301", "nothing", "panic", "late"] {
                assert_eq!(ask(what).status, 503, "{}", about(what));
            }
        }
        assert_eq!(ask(&site, "x-group", "deny").status, 429, "{haproxy}");
        assert_eq!(ask(&site, "x-group", "allow").status, 200, "{haproxy}");
        // Threads of HAProxy log in any order, and may lose a line.
        eventually("the reason of a denial with 403 in the log", || {
            assert_eq!(ask(&site, "x-ask", "deny 403").status, 403);
            let log = site.log();
            log.iter()
                .any(|line| line.contains("asked#0Afor") && line.contains(" 403 "))
        });
    });
}

#[test]
fn the_log_of_the_agent_says_why_there_was_no_verdict() {
    for_each_haproxy(|haproxy| {
        let (site, _dir) = closed(haproxy);
        for (side, what, reason) in [
            ("x-ask", "late", "timed out: not done within 800ms"),
            ("x-ask", "panic", "panicked: asked for"),
            ("x-ask", "nothing", "nobody knows `nothing`"),
            // Errors of one handler share a line a second.
            ("x-late", "deny 599", "`All` does not declare `deny: 599`"),
        ] {
            assert_eq!(ask(&site, side, what).status, 503, "{haproxy} {what}");
            site.wait_for_agent_log(reason);
        }
    });
}

/// Returns the bytes that a client reads whose connection is dropped: it may not even see that it is closed.
fn dropped(site: &HaProxy, side: &str) -> String {
    let mut stream = TcpStream::connect(site.address()).expect("it listens");
    let timeout = Some(Duration::from_millis(500));
    stream.set_read_timeout(timeout).expect("a timeout");
    write!(stream, "GET / HTTP/1.1\r\nhost: x\r\n{side}: drop\r\n\r\n").expect("it is sent");
    let mut text = Vec::new();
    let _ = stream.read_to_end(&mut text);
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn without_a_verdict_requests_pass_or_are_denied_as_configured() {
    for_each_haproxy(|haproxy| {
        for (fail, status) in [("open", 200), ("closed", 503)] {
            let builder = site(haproxy, agent());
            let mut site = match fail {
                "open" => builder.start(),
                _ => builder.fail_closed().start(),
            };
            for side in SIDES {
                for what in ["late", "nothing", "panic", "deny 599"] {
                    let reply = ask(&site, side, what);
                    assert_eq!(reply.status, status, "{haproxy} {fail} {side} {what}");
                }
                assert_eq!(ask(&site, side, "deny 418").status, 418, "{haproxy} {fail}");
            }
            // A header that is the agent's alone does not come from a client.
            let reply = ask(&site, "x-other", "");
            assert!(reply.status == 200 && !has(&reply, "evil"), "{haproxy}");
            site.stop_agent();
            let reply = ask(&site, "x-ask", "allow");
            let late = ask(&site, "x-late", "deny 418");
            assert_eq!(late.status, status, "{haproxy} {fail} down, a response");
            assert_eq!(reply.status, status, "{haproxy} {fail} down");
            assert!(!has(&reply, "evil"), "{haproxy} {fail} down");
        }
    });
}

#[test]
fn a_verdict_on_the_connection_holds_for_each_of_its_requests() {
    for_each_haproxy(|haproxy| {
        let mut agent = agent();
        agent.env("JUDGE_SESSION", "1");
        let site = site(haproxy, agent).start();
        let mut client = Client::connect(site.address()).expect("it listens");
        for _ in 0..3 {
            assert_eq!(client.get("/").status, 403, "{haproxy}");
        }
    });
}

#[test]
fn declared_headers_reach_the_server_and_the_client() {
    for_each_haproxy(|haproxy| {
        let site = site(haproxy, agent()).start();
        let reply = ask(&site, "x-ask", "headers");
        let text = reply.text();
        assert!(
            text.contains("x-user: alice, \"b\" %5B"),
            "{haproxy}: {text}"
        );
        assert!(text.contains("via: 1.1 agent"), "{haproxy}: {text}");
        assert!(!text.contains("evil"), "{haproxy}: {text}");
        assert!(!text.contains("authorization"), "{haproxy}: {text}");
        assert_eq!(reply.header("x-judged"), Some("yes"), "{haproxy}");
        assert_eq!(reply.header("set-cookie"), Some("id=7; Path=/; HttpOnly"));
        // Those of a verdict on the response reach the client.
        let reply = ask(&site, "x-late", "headers");
        assert_eq!(reply.header("x-judged"), Some("yes"), "{haproxy}");
    });
}

#[test]
fn headers_of_any_names_are_changed_from_3_4_on() {
    for_each_haproxy(|haproxy| {
        let written = Written::by(agent(), haproxy, &[]);
        let warned = written
            .warnings
            .iter()
            .any(|line| line.contains("HAProxy takes headers of any names from 3.4 on"));
        assert_eq!(warned, !haproxy.at_least(3, 4), "{haproxy}");
        if warned {
            return;
        }
        let site = site(haproxy, agent()).start();
        let reply = ask(&site, "x-any", "allow");
        let lines: Vec<_> = reply.body.split(|byte| *byte == b'\n').collect();
        let has = |line: &[u8]| lines.contains(&[line, b"\r"].concat().as_slice());
        assert!(has(b"x-user: bob") && has(b"x-empty: "), "{}", reply.text());
        assert!(
            has(b"x-list: \xff") && has(b"x-list: 2"),
            "{}",
            reply.text()
        );
        assert!(!reply.text().contains("authorization"), "{}", reply.text());
        for what in ["allow", "deny"] {
            let reply = ask(&site, "x-any", what);
            let cookies = reply.headers.iter();
            let cookies = cookies.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
            let values: Vec<_> = cookies.map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, ["a=1", "b=2"], "{haproxy} {what}");
        }
    });
}

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

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use common::program;
use spoa_tests::{
    Haproxy, Port, Process, Proxy, Reply, Request, TempDir, eventually, for_each_haproxy,
};
use written::{Written, serving};

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-judging"))
}

/// The parts of a case: a HAProxy with the rules, a server, an agent.
struct Site {
    proxy: Proxy,
    agent: Option<Process>,
    written: Written,
    _dir: TempDir,
}

impl Site {
    fn start(haproxy: &Haproxy, agent: Command, args: &[&str]) -> Site {
        let (front, server, listen) = (Port::free(), Port::free(), Port::free());
        let dir = TempDir::new();
        let rules = dir.join("rules.cfg");
        // The server shows which headers it got, and passes on what is asked of its response.
        let text = format!(
            "    bind {} name www\n    timeout tarpit 50ms\n    default_backend site\n\n\
             backend site\n    server site {server}\n\n\
             listen server\n    bind {server}\n    \
             http-request return status 200 content-type text/plain hdr x-ask \"%[req.hdr(x-late)]\" \
             lf-string \"%[req.hdrs]\" if {{ req.fhdr(x-late) -m found }}\n    \
             http-request return status 200 content-type text/plain lf-string \"%[req.hdrs]\"\n",
            front.addr(),
            server = server.addr(),
        );
        fs::write(&rules, text).expect("it is written");
        let page = dir.join("challenge.html");
        let shown = "<p id=\"%[var(txn.judging.data)]\">Are you human?</p>";
        fs::write(&page, shown).expect("it is written");
        let listen = listen.addr().to_string();
        let server = format!("--server={listen}");
        let rules = format!("--rules={}", rules.display());
        let page = format!("--page=challenge={}", page.display());
        let mut all = vec![server.as_str(), &rules, &page];
        all.extend(args);
        let mut written = Written::by(program(env!("CARGO_BIN_EXE_agent-judging")), haproxy, &all);
        written.serve_at(front);
        let agent = serving(agent, &listen);
        Site {
            proxy: written.start(haproxy),
            agent: Some(agent),
            written,
            _dir: dir,
        }
    }

    fn ask(&self, header: &str, what: &str) -> Reply {
        let request = Request::get("/")
            .header(header, what)
            .header("x-user", "evil")
            .header("authorization", "Basic x");
        self.proxy.send(&request)
    }
}

/// The sides of a request: the header that asks there.
const SIDES: [&str; 2] = ["x-ask", "x-late"];

fn has(reply: &Reply, header: &str) -> bool {
    reply.text().to_lowercase().contains(header)
}

#[test]
fn every_verdict_is_enforced_at_every_event() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, agent(), &["--fail=closed"]);
        for side in SIDES {
            let ask = |what: &str| site.ask(side, what);
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
        assert_eq!(site.ask("x-group", "deny").status, 429, "{haproxy}");
        assert_eq!(site.ask("x-group", "allow").status, 200, "{haproxy}");
        // Threads of HAProxy log in any order, and may lose a line: see `Proxy::wait_for_log`.
        eventually("the reason of a denial with 403 in the log", || {
            assert_eq!(site.ask("x-ask", "deny 403").status, 403);
            let logs = site.proxy.logs();
            logs.iter()
                .any(|line| line.contains("asked#0Afor") && line.contains(" 403 "))
        });
    });
}

#[test]
fn the_log_of_the_agent_says_why_there_was_no_verdict() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, agent(), &["--fail=closed"]);
        let agent = site.agent.as_ref().expect("it runs");
        for (side, what, reason) in [
            ("x-ask", "late", "timed out: not done within 800ms"),
            ("x-ask", "panic", "panicked: asked for"),
            ("x-ask", "nothing", "nobody knows `nothing`"),
            // Errors of one handler share a line a second.
            ("x-late", "deny 599", "`All` does not declare `deny: 599`"),
        ] {
            assert_eq!(site.ask(side, what).status, 503, "{haproxy} {what}");
            agent.wait_for_line(reason);
        }
    });
}

/// Returns the bytes that a client reads whose connection is dropped: it may not even see that it is closed.
fn dropped(site: &Site, side: &str) -> String {
    let mut stream = TcpStream::connect(site.proxy.addr()).expect("it listens");
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
            let fail = format!("--fail={fail}");
            let mut site = Site::start(haproxy, agent(), &[&fail]);
            for side in SIDES {
                for what in ["late", "nothing", "panic", "deny 599"] {
                    let reply = site.ask(side, what);
                    assert_eq!(reply.status, status, "{haproxy} {fail} {side} {what}");
                }
                assert_eq!(site.ask(side, "deny 418").status, 418, "{haproxy} {fail}");
            }
            // A header that is the agent's alone does not come from a client.
            let reply = site.ask("x-other", "");
            assert!(reply.status == 200 && !has(&reply, "evil"), "{haproxy}");
            drop(site.agent.take());
            let down = || site.ask("x-ask", "deny 418");
            spoa_tests::eventually("the agent is seen to be down", || down().status == status);
            let reply = site.ask("x-ask", "allow");
            let late = site.ask("x-late", "deny 418");
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
        let site = Site::start(haproxy, agent, &[]);
        let mut client = site.proxy.client();
        for _ in 0..3 {
            assert_eq!(client.get("/").status, 403, "{haproxy}");
        }
    });
}

#[test]
fn declared_headers_reach_the_server_and_the_client() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, agent(), &[]);
        let reply = site.ask("x-ask", "headers");
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
        let reply = site.ask("x-late", "headers");
        assert_eq!(reply.header("x-judged"), Some("yes"), "{haproxy}");
    });
}

#[test]
fn headers_of_any_names_are_changed_from_3_4_on() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, agent(), &[]);
        let warned = site
            .written
            .warnings
            .iter()
            .any(|line| line.contains("HAProxy takes headers of any names from 3.4 on"));
        assert_eq!(warned, !haproxy.at_least(3, 4), "{haproxy}");
        if warned {
            return;
        }
        let reply = site.ask("x-any", "allow");
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
            let reply = site.ask("x-any", what);
            let cookies = reply.headers.iter();
            let cookies = cookies.filter(|(name, _)| name.eq_ignore_ascii_case("set-cookie"));
            let values: Vec<_> = cookies.map(|(_, value)| value.as_str()).collect();
            assert_eq!(values, ["a=1", "b=2"], "{haproxy} {what}");
        }
    });
}

//! HAProxy's treatment of samples that `doctor` warns of: too large for a frame, cut at commas, not
//! there yet. The same for sound variants, which it is silent on.

use spoa::prelude::*;
use spoa_facts::{Expression, Frame, Sent};
use spoa_tests::{
    Background, Config, Haproxy, Message, PATIENCE, Port, Process, Request, TempDir,
    for_each_haproxy, for_haproxies,
};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// Answers every message, so that a variable says that it was sent.
#[spoe_fallback]
fn judge(_message: spoa::spop::Message<'_>) -> SetVar<bool> {
    SetVar::transaction("judged", true)
}

/// The largest requests that HAProxy takes, with most of their bytes in one place.
fn large() -> Vec<(&'static str, Request)> {
    let text = |length: usize| "a".repeat(length);
    vec![
        ("a long query", Request::get(&format!("/?{}", text(15_000)))),
        ("a long path", Request::get(&format!("/{}", text(15_000)))),
        (
            "a long header",
            Request::get("/").header("authorization", &text(15_000)),
        ),
        (
            "many headers",
            (0..90).fold(Request::get("/"), |request, number| {
                request.header(&format!("x-{number}"), &text(155))
            }),
        ),
        ("a long body", Request::post("/", text(15_000))),
    ]
}

/// Which of the large requests HAProxy does not ask the agent about, and with which error.
fn unjudged(haproxy: &Haproxy, agent: &Background, args: &str) -> Vec<String> {
    let proxy = Config::new(agent.addr())
        .frontend("option http-buffer-request")
        .message(Message::new("judge").args(args))
        .set_on_error("error")
        .vars(["txn.iprep.judged", "txn.iprep.error"])
        .start(haproxy);
    let mut all = Vec::new();
    for (what, request) in large() {
        let reply = proxy.send(&request);
        assert_eq!(reply.status, 200, "{haproxy} {args}: {what}");
        if reply.var("txn.iprep.judged").is_none() {
            let error = reply.var("txn.iprep.error").unwrap_or("none");
            all.push(format!("{what}: {error}"));
        }
    }
    all
}

/// Whether these arguments are what `doctor` warns of.
fn too_large(args: &str) -> bool {
    let args: Vec<_> = args
        .split(' ')
        .map(|arg| {
            let (name, sample) = arg.split_once('=').expect("NAME=SAMPLE");
            (name, Expression::parse(sample).expect("a sample"))
        })
        .collect();
    let args = args.iter().map(|(name, sample)| (*name, Some(sample)));
    let name = "judge";
    let sent = Sent {
        name,
        args: args.collect(),
    };
    Frame::default().excess(&[sent]).is_some()
}

#[test]
fn haproxy_from_3_1_on_does_not_send_a_message_with_long_bytes_twice() {
    let agent = Background::agent(|agent| agent.handlers(handlers![judge]));
    for_haproxies(
        "HAProxy before 3.1 sends large messages in fragments",
        |haproxy| haproxy.at_least(3, 1),
        |haproxy| {
            for (args, expected) in [
                ("url=url query=query", &["a long query: 3"][..]),
                ("url=url path=path", &["a long path: 3"]),
                (
                    "headers=req.hdrs_bin token=req.fhdr(authorization)",
                    &["a long header: 3"],
                ),
                (
                    "headers=req.hdrs binary=req.hdrs_bin",
                    &["a long header: 3", "many headers: 3"],
                ),
                ("body=req.body again=req.body", &["a long body: 3"]),
                // One copy of each part of the request fits, and so does a copy that is cut.
                ("url=url body=req.body headers=req.hdrs", &[]),
                ("body=req.body headers=req.hdrs_bin", &[]),
                ("url=url query=query,bytes(0,512)", &[]),
                ("path=path query=query method=method", &[]),
            ] {
                let found = unjudged(haproxy, &agent, args);
                assert_eq!(found, expected, "{haproxy} {args}");
                assert_eq!(too_large(args), !expected.is_empty(), "{args}");
            }
        },
    );
}

#[test]
fn haproxy_up_to_3_0_sends_a_large_message_in_fragments() {
    let agent = Background::agent(|agent| agent.handlers(handlers![judge]));
    for_haproxies(
        "HAProxy from 3.1 on sends no fragments",
        |haproxy| !haproxy.at_least(3, 1),
        |haproxy| {
            let args = "url=url query=query";
            assert_eq!(unjudged(haproxy, &agent, args), [""; 0], "{haproxy}");
        },
    );
}

#[test]
fn headers_that_are_not_lists_are_cut_at_their_commas() {
    #[spoe_fallback]
    fn echo(message: spoa::spop::Message<'_>) -> Result<Actions, HandlerError> {
        let mut actions = Actions::new();
        for name in ["cut", "whole"] {
            if let Some(spoa::spop::Value::String(text)) = message.get(name) {
                let text = String::from_utf8_lossy(text).into_owned();
                actions.push(SetVar::transaction(name, text));
            }
        }
        Ok(actions)
    }
    let agent = Background::agent(|agent| agent.handlers(handlers![echo]));
    for_each_haproxy(|haproxy| {
        for header in [
            "user-agent",
            "cookie",
            "authorization",
            "referer",
            "if-modified-since",
        ] {
            let args = format!("cut=req.hdr({header}) whole=req.fhdr({header})");
            let proxy = Config::new(agent.addr())
                .message(Message::new("echo").args(&args))
                .vars(["txn.iprep.cut", "txn.iprep.whole"])
                .start(haproxy);
            let reply = proxy.send(&Request::get("/").header(header, "one (two, three)"));
            assert_eq!(
                reply.var("txn.iprep.cut"),
                Some("three)"),
                "{haproxy} {header}"
            );
            let whole = reply.var("txn.iprep.whole");
            assert_eq!(whole, Some("one (two, three)"), "{haproxy} {header}");
        }
    });
}

/// The length of a client's first bytes as a message has it, where a frontend has these lines and
/// the message is sent by this; `None` if HAProxy does not look.
///
/// The client sends them once HAProxy has printed the line `before`.
fn first_bytes(
    haproxy: &Haproxy,
    mode: &str,
    frontend: &[&str],
    spoe: &str,
    before: Option<&str>,
) -> Option<String> {
    // Both take connections and say nothing.
    let agent = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let origin = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let front = Port::free();
    let [agent_at, origin_at] = [&agent, &origin].map(|it| it.local_addr().expect("bound"));
    let dir = TempDir::new();
    dir.write(
        "haproxy.cfg",
        &format!(
            "global\n nbthread 1\ndefaults\n mode {mode}\n timeout connect 5s\n timeout client 5s\n timeout server 5s\n\
             frontend front\n bind {}\n filter spoe engine e config spoe.conf\n {}\n \
             default_backend origin\n\
             backend origin\n tcp-request content set-var(txn.done) str(x),debug(done,stdout)\n server s {origin_at}\n\
             backend agents\n mode tcp\n server a {agent_at}\n",
            front.addr(),
            frontend.join("\n "),
        ),
    );
    dir.write(
        "spoe.conf",
        &format!(
            "[e]\nspoe-agent e\n timeout hello 50ms\n timeout idle 5s\n timeout processing 50ms\n \
             use-backend agents\n {spoe}\n args length=req.payload(0,0),length,debug(bytes,stdout)\n"
        ),
    );
    let mut command = Command::new(haproxy.path());
    command.args(["-f", "haproxy.cfg"]).current_dir(dir.path());
    let process = Process::start(&mut command);
    let mut client = eventually_connected(&front, &process);
    // Samples that do not wait are fetched before the bytes come.
    if let Some(line) = before {
        process.wait_for_line(line);
    }
    let request = b"GET / HTTP/1.1\r\nhost: a\r\n\r\n";
    client.write_all(request).expect("HAProxy reads");
    // The backend comes after all that is asked here.
    process.wait_for_line("done: type=");
    let output = process.output();
    output.iter().find_map(|line| {
        let (_, rest) = line.split_once("bytes: type=sint <")?;
        rest.split_once('>').map(|(number, _)| number.to_owned())
    })
}

fn eventually_connected(front: &Port, process: &Process) -> TcpStream {
    let limit = Instant::now() + PATIENCE;
    loop {
        match TcpStream::connect(front.addr()) {
            Ok(client) => return client,
            Err(_) => assert!(Instant::now() < limit, "{:?}", process.output()),
        }
        thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn raw_data_is_available_only_if_a_rule_waits_for_it() {
    let event = "messages m\nspoe-message m\n event on-frontend-tcp-request";
    let http = "messages m\nspoe-message m\n event on-frontend-http-request";
    let group = "groups g\nspoe-group g\n messages m\nspoe-message m";
    let delay = "tcp-request inspect-delay 20s";
    let send = "tcp-request content send-spoe-group e g";
    let asking = "tcp-request content send-spoe-group e g if { req.len gt 0 }";
    let reject = "tcp-request content reject unless { req.len gt 0 }";
    for_each_haproxy(|haproxy| {
        for (mode, frontend, spoe, expected) in [
            ("tcp", &[][..], event, Some("0")),
            ("tcp", &[delay, reject], event, Some("0")),
            ("tcp", &[send], group, Some("0")),
            ("tcp", &[delay, send], group, Some("0")),
            ("tcp", &[asking], group, None),
            ("tcp", &[delay, asking], group, Some("27")),
            ("tcp", &[delay, reject, send], group, Some("27")),
            ("http", &[], http, None),
        ] {
            let before = match (mode, expected) {
                ("http", _) | (_, Some("27")) => None,
                (_, Some(_)) => Some("bytes: type="),
                (_, None) => Some("done: type="),
            };
            let found = first_bytes(haproxy, mode, frontend, spoe, before);
            assert_eq!(
                found.as_deref(),
                expected,
                "{haproxy}: {mode} {frontend:?} {spoe}"
            );
        }
    });
}

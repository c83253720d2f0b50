//! `multi`: the backend of each request, its variables, and the counters.

use std::net::UdpSocket;
use std::time::Duration;

use spoa_tests::{
    Directory, Port, Request, TempDir, eventually, example, for_each_haproxy_in_turn,
};

use crate::agent::{ask, exchange, start};

const MULTI: &str = "examples/multi";

fn ports() -> [Port; 4] {
    Port::fixed([8083, 8084, 8085, 12347])
}

#[test]
fn multi_routes_requests_and_counts_responses() {
    let _ports = ports();
    let directory = Directory::new(MULTI, "127.0.0.1:8083");
    for_each_haproxy_in_turn(|haproxy| {
        let dir = TempDir::new();
        let statsd = UdpSocket::bind("127.0.0.1:0").expect("there is a port");
        statsd
            .set_read_timeout(Some(Duration::from_secs(20)))
            .expect("it can have one");
        let counted = || {
            let mut line = [0; 100];
            let length = statsd.recv(&mut line).expect("it is sent");
            String::from_utf8_lossy(&line[..length]).into_owned()
        };
        let agent = start(
            example("multi")
                .env("MULTI_NOTICE", dir.join("notice.txt"))
                .env(
                    "MULTI_STATSD",
                    statsd.local_addr().expect("it is bound").to_string(),
                ),
        );
        let proxy = directory.start_patiently(haproxy);
        ask(&proxy, &Request::get("/static/warm"), "x-network");
        assert_eq!(counted(), "edge.shop.2xx:1|c");
        // `ask` may have sent more requests than one, which are counted before this one.
        proxy.get("/next/");
        while counted() != "edge.next.2xx:1|c" {}

        let reply = proxy.get("/");
        assert_eq!((reply.status, reply.text().as_str()), (200, "shop\n"));
        assert_eq!(reply.header("x-network"), Some("own"));
        assert_eq!(reply.header("x-notice"), None);
        assert_eq!(reply.header("x-error"), None);
        assert_eq!(counted(), "edge.shop.2xx:1|c");

        assert_eq!(proxy.get("/next/").text(), "next\n");
        assert_eq!(counted(), "edge.next.2xx:1|c");
        // The group is not sent for these.
        let reply = proxy.get("/static/logo");
        assert_eq!(
            (reply.text().as_str(), reply.header("x-name")),
            ("shop\n", None)
        );

        dir.write("notice.txt", "back at nine\n");
        // It is answered without the notice if reading that takes long, as it may on a busy machine.
        let reply = ask(&proxy, &Request::get("/"), "x-notice");
        assert_eq!(reply.header("x-notice"), Some("back at nine"));
        let answer = exchange(8084, b"GET /next/ HTTP/1.0\r\n\r\n");
        assert!(answer.ends_with("\r\n\r\napi\n"), "{answer}");

        // HAProxy knows that no agent is up: it asks none, and says so.
        proxy.admin("disable server multi-agents/agent1");
        let reply = proxy.get("/next/");
        assert_eq!((reply.status, reply.text().as_str()), (200, "shop\n"));
        assert_eq!(
            (reply.header("x-network"), reply.header("x-error")),
            (None, Some("down"))
        );

        assert_eq!(agent.stop_agent(), [""; 0]);
    });
}

#[test]
fn the_name_of_a_request_is_the_one_in_the_log() {
    let _ports = ports();
    let directory = Directory::new(MULTI, "127.0.0.1:8083");
    for_each_haproxy_in_turn(|haproxy| {
        // A directory cannot be read as a file.
        let dir = TempDir::new();
        let agent = start(example("multi").env("MULTI_NOTICE", dir.path()));
        let proxy = directory.start_patiently(haproxy);

        let cause = format!(
            "WARN spoa::failures: handler `read_notice` failed: cannot read `{}`: Is a directory",
            dir.path().display()
        );
        // It may also be late, on a busy machine. Only the first failure of its kind has a line of its own.
        let (mut names, mut line) = (Vec::new(), None);
        eventually("the handler fails", || {
            let reply = ask(&proxy, &Request::get("/"), "x-name");
            // The messages beside it have their answers.
            assert_eq!(
                (reply.text().as_str(), reply.header("x-notice")),
                ("shop\n", None)
            );
            assert_eq!(reply.header("x-error"), None);
            names.extend(reply.header("x-name").map(str::to_owned));
            let mut lines = agent.output().into_iter();
            line = lines.find(|line| line.contains(&cause));
            line.is_some()
        });
        let line = line.expect("it was waited for");
        assert!(names.iter().any(|name| line.contains(name)), "{line}");

        let warnings = agent.stop_agent();
        // The handler may fail again after a second, which has another line.
        let summary = "handlers are failing; in the last ";
        let is_expected = |it: &String| *it == line || it.contains(summary);
        assert!(
            warnings.contains(&line) && warnings.iter().all(is_expected),
            "{warnings:?}"
        );
    });
}

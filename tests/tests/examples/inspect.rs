//! `inspect`: its verdicts on requests, and what happens to requests without one.

use spoa_tests::{
    Background, Directory, Port, Proxy, Request, eventually, example, for_each_haproxy_in_turn,
};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};

use crate::agent::{ask, exchange, start};

const INSPECT: &str = "examples/inspect";

fn ports() -> [Port; 2] {
    Port::fixed([8082, 12346])
}

/// Sends these bytes until the agent has judged them: on a busy machine, a verdict may be late.
fn judged(bytes: &[u8]) -> String {
    let mut answer = String::new();
    eventually("a verdict", || {
        answer = exchange(8082, bytes);
        answer.contains("\r\nx-inspect-score: ")
    });
    answer
}

#[test]
fn inspect_judges_requests() {
    let _ports = ports();
    let directory = Directory::new(INSPECT, "127.0.0.1:8082");
    for_each_haproxy_in_turn(|haproxy| {
        let agent = start(&mut example("inspect"));
        let proxy = directory.start_patiently(haproxy);
        let get = |target| Request::get(target).header("user-agent", "test");
        let form = |body: &[u8]| {
            Request::post("/", body)
                .header("user-agent", "test")
                .header("content-type", "application/x-www-form-urlencoded")
        };
        ask(&proxy, &get("/"), "x-inspect-score");

        for (request, status, score, reason) in [
            (get("/"), 200, "0", None),
            (get("/%2Eenv"), 403, "100", Some("`/.env` in the path")),
            (
                get("/?q=1+union%20select"),
                200,
                "60",
                Some("`union select` in the query"),
            ),
            (
                form(b"q=%3Cscript+"),
                200,
                "60",
                Some("`<script` in the body"),
            ),
            (
                // `req.hdr` would start to read after the comma.
                Request::get("/").header("user-agent", "x (sqlmap, like Gecko)"),
                403,
                "100",
                Some("`sqlmap` in the user-agent"),
            ),
            (
                Request::get("/"),
                200,
                "20",
                Some("no host or no user-agent"),
            ),
        ] {
            let reply = ask(&proxy, &request, "x-inspect-score");
            let got = (
                reply.status,
                reply.header("x-inspect-score"),
                reply.header("x-inspect-reason"),
            );
            assert_eq!(got, (status, Some(score), reason), "{request:?}");
        }

        // Bytes that are not text are inspected as well.
        let mut request = b"GET /.env HTTP/1.0\r\nuser-agent: \xff\xfe\r\n\r\n".to_vec();
        assert!(judged(&request).starts_with("HTTP/1.1 403 "));
        // This much of the body fills the buffer and still travels in one frame.
        request = b"POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n".to_vec();
        request.extend(format!("user-agent: {}\r\n", "u".repeat(2000)).bytes());
        request.extend(b"content-length: 40000\r\n\r\n");
        request.resize(request.len() + 40_000, b'b');
        let answer = judged(&request);
        assert!(
            answer.contains("\r\nx-inspect-truncated: 1\r\n"),
            "{answer}"
        );

        // Each blocked request is counted once. One whose verdict is late has no total, but counts.
        let total = || {
            let reply = proxy.send(&get("/.git/config"));
            let total = reply.header("x-blocked-total");
            total.and_then(|total| total.parse::<u32>().ok())
        };
        eventually("two verdicts in time, one after the other", || {
            let (Some(first), Some(second)) = (total(), total()) else {
                return false;
            };
            assert!(first >= 4, "three of the above, and this one: {first}");
            assert_eq!(second, first + 1);
            true
        });
        proxy.wait_for_log("{`/.env` in the path||}");
        let line = agent.wait_for_line("INFO inspect: blocked: `/.git/` in the path src=127.0.0.1");
        assert!(line.ends_with("path=/.git/config"), "{line}");
        assert_eq!(agent.stop_agent(), [""; 0]);
    });
}

#[test]
fn without_a_verdict_only_requests_that_read_pass() {
    let _ports = ports();
    let directory = Directory::new(INSPECT, "127.0.0.1:8082");
    let passes_reads_only = |proxy: &Proxy, why: Option<(&str, &str)>| {
        let read = match why {
            // A process told to halt may yet answer a request or two.
            Some((header, _)) => ask(proxy, &Request::get("/"), header),
            None => proxy.get("/"),
        };
        if let Some((header, value)) = why {
            assert_eq!(read.header(header), Some(value));
        }
        assert_eq!(
            (read.status, read.text().as_str()),
            (200, "hello, whoever you are\n")
        );
        assert_eq!(proxy.send(&Request::post("/", "a=1")).status, 503);
    };
    for_each_haproxy_in_turn(|haproxy| {
        // The handler fails: nothing listens where its blocklist is to be.
        let agent = start(example("inspect").env("INSPECT_REDIS", "127.0.0.1:9"));
        let proxy = directory.start(haproxy);
        passes_reads_only(&proxy, Some(("x-inspect-error", "failed")));
        let blocked = ask(&proxy, &Request::get("/.env"), "x-inspect-score");
        assert_eq!(blocked.status, 403);
        let warnings = agent.stop_agent();
        let cause = "cannot ask the blocklist at 127.0.0.1:9: Connection refused";
        let first = format!("failed: {cause}");
        assert!(warnings[0].contains(&first), "{warnings:?}");
        // A line about several failures ends with the last one.
        assert!(
            warnings.iter().all(|line| line.contains(cause)),
            "{warnings:?}"
        );

        // The agent hangs.
        let agent = start(&mut example("inspect"));
        ask(&proxy, &Request::get("/"), "x-inspect-score");
        // It is asked even if the machine is so busy that checks fail before.
        assert_eq!(
            proxy.admin("disable health inspect-agents/agent1").trim(),
            ""
        );
        agent.signal("STOP");
        passes_reads_only(&proxy, Some(("x-spoe-error", "1")));

        // HAProxy knows that no agent is there.
        proxy.admin("disable server inspect-agents/agent1");
        passes_reads_only(&proxy, None);
    });
}

#[test]
fn inspect_asks_its_blocklist() {
    let _ports = ports();
    let redis = Background::serve(|listener, shutdown| async move {
        let accept = async {
            loop {
                let (stream, _) = listener.accept().await?;
                tokio::spawn(async move {
                    let mut stream = BufReader::new(stream);
                    let mut question = String::new();
                    while stream.read_line(&mut question).await? > 0 {
                        let listed = question == "EXISTS blocked:127.0.0.1\r\n";
                        let answer = format!(":{}\r\n", u8::from(listed));
                        stream.write_all(answer.as_bytes()).await?;
                        question.clear();
                    }
                    std::io::Result::Ok(())
                });
            }
        };
        tokio::select! {
            () = shutdown => std::io::Result::Ok(()),
            error = accept => error,
        }
    });
    let directory = Directory::new(INSPECT, "127.0.0.1:8082");
    for_each_haproxy_in_turn(|haproxy| {
        let address = redis.addr().to_string();
        let agent = start(example("inspect").env("INSPECT_REDIS", address));
        let proxy = directory.start_patiently(haproxy);
        let reply = ask(&proxy, &Request::get("/"), "x-inspect-score");
        assert_eq!(reply.status, 403);
        assert_eq!(
            reply.header("x-inspect-reason"),
            Some("the address is on the blocklist")
        );
        assert_eq!(agent.stop_agent(), [""; 0]);
    });
}

//! Bodies with the configuration that `config` writes: docs/bodies.md says what these tests show.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use spoa_tests::{Haproxy, Port, Process, Proxy, Request, TempDir, for_each_haproxy};

use crate::common::program;
use crate::h2;
use crate::slow_server::{Framing, Slow, slow_server};
use crate::written::{Written, ask, serving};

fn agent() -> Command {
    program(env!("CARGO_BIN_EXE_agent-bodied"))
}

/// A HAProxy with the configuration that the agent writes, which shows clients the measures.
struct Site {
    proxy: Proxy,
    h2: SocketAddr,
    written: Written,
    _agent: Process,
    _ports: [Port; 2],
    _dir: TempDir,
}

/// Returns the response of the site's server.
fn respond(target: &str) -> Slow {
    let (of_type, framing, first, pause, second) = match target {
        "/slow" => ("text/plain", Framing::Length, "hello", 2, "world"),
        "/events" => (
            "text/event-stream",
            Framing::Chunks,
            "data: 1\n\n",
            20,
            "data: 2\n\n",
        ),
        "/stops" => ("text/plain", Framing::Length, "hello", 20, "world"),
        "/page" => ("text/html", Framing::Chunks, "hello", 1, "world"),
        "/poll" => ("application/json", Framing::Chunks, "", 20, "{}"),
        _ => ("text/plain", Framing::Length, "hello", 0, ""),
    };
    Slow {
        status: 200,
        header: ("content-type", of_type.to_owned()),
        framing,
        first,
        pause: Duration::from_secs(pause),
        second,
    }
}

impl Site {
    fn start(haproxy: &Haproxy, config: &[&str]) -> Site {
        let (front, h2, listen) = (Port::free(), Port::free(), Port::free());
        let dir = TempDir::new();
        // A client that wants to know whether a measure is right gets 404 if it is.
        let rules = format!(
            "    bind {}\n    bind {} proto h2\n    \
             http-request set-var(txn.wanted) req.fhdr(x-want)\n    \
             http-request return status 404 if {{ req.fhdr(x-want) -m found }} \
             {{ var(txn.bodied.upload),strcmp(txn.wanted) eq 0 }} \
             {{ var(txn.bodied.upload_bytes) -m int gt 14000 }}\n    \
             http-request deny deny_status 400 if {{ req.fhdr(x-strict) -m found }} \
             {{ req.body_len gt 0 }} !{{ req.fhdr(content-length) -m found }}\n    \
             http-after-response set-header x-upload %[var(txn.bodied.upload)]\n    \
             http-after-response set-header x-bytes %[var(txn.bodied.upload_bytes)]\n    \
             http-after-response set-header x-download %[var(txn.bodied.download)]\n    \
             http-after-response set-header x-download-bytes %[var(txn.bodied.download_bytes)]\n    \
             http-after-response set-header x-error %[var(txn.bodied.spoe_error)]\n    \
             default_backend site\n\nbackend site\n    timeout server 4s\n    \
             http-response wait-for-body time 10s if {{ res.fhdr(content-type) -m beg text/html }}\n    \
             server site {}\n",
            front.addr(),
            h2.addr(),
            slow_server(respond),
        );
        let rules = dir.write("rules.cfg", &rules).display().to_string();
        let listen_at = listen.addr().to_string();
        let mut args = vec!["--engine=bodied", "--listen", &listen_at, "--rules", &rules];
        args.extend(config);
        let mut written = Written::by(agent(), haproxy, &args);
        written.serve_at(front);
        let agent = serving(agent(), &listen_at);
        let site = Site {
            proxy: written.start(haproxy),
            h2: h2.addr(),
            written,
            _agent: agent,
            _ports: [h2, listen],
            _dir: dir,
        };
        ask(&site.proxy, &Request::get("/"), "a measure", |reply| {
            reply.header("x-upload").is_some_and(|it| !it.is_empty())
        });
        site
    }

    /// Sends the bytes of a request, and after a pause the rest; returns the head of the response.
    fn raw(&self, first: &[u8], pause: Duration, rest: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.proxy.addr()).expect("HAProxy listens");
        let limit = Some(Duration::from_secs(40));
        stream.set_read_timeout(limit).expect("a timeout");
        stream.write_all(first).expect("it is sent");
        thread::sleep(pause);
        // HAProxy may have answered and closed.
        let _ = stream.write_all(rest);
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).is_ok_and(|n| n == 1) {
            head.push(byte[0]);
        }
        String::from_utf8_lossy(&head).to_lowercase()
    }
}

const LARGE: usize = 1 << 20;

#[test]
fn a_body_of_a_mebibyte_arrives_cut_with_its_size() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &[]);
        let body = vec![b'x'; LARGE];
        let reply = site.proxy.send(&Request::post("/", body.clone()));
        let whole = format!("truncated of {LARGE}");
        assert_eq!(reply.header("x-upload"), Some(&*whole), "{haproxy}");
        assert_eq!(reply.header("x-error"), Some(""), "{haproxy}");
        let bytes: usize = reply
            .header("x-bytes")
            .expect("bytes")
            .parse()
            .expect("a number");
        assert!((14_000..16_380).contains(&bytes), "{haproxy}: {bytes}");

        // Over HTTP/2, with and without a length.
        let length = LARGE.to_string();
        let pieces = [(Duration::ZERO, &body[..40_000])];
        for (length, want) in [(Some(&length), &*whole), (None, "unknown")] {
            let mut fields: Vec<(&[u8], &[u8])> = vec![
                (b":method", b"POST"),
                (b":scheme", b"http"),
                (b":authority", b"a"),
                (b":path", b"/"),
                (b"x-want", want.as_bytes()),
            ];
            fields.extend(length.map(|it| (&b"content-length"[..], it.as_bytes())));
            let status = h2::send(site.h2, &fields, Some(&pieces)).expect("HAProxy answers");
            // With a length, the stream ends too early, so HAProxy may also reset it.
            let right = status == Some(404) || (length.is_some() && status.is_none());
            assert!(right, "{haproxy} {want}: {status:?}");
        }

        // In chunks, the size that HAProxy knows grows with the chunks that it has read.
        let chunks = body[..40_000].chunks(1000).flat_map(|chunk| {
            let size = format!("{:x}\r\n", chunk.len());
            [size.as_bytes(), chunk, b"\r\n"].concat()
        });
        let mut request =
            b"POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        request.extend(chunks);
        request.extend(b"0\r\n\r\n");
        let head = site.raw(&request, Duration::ZERO, b"");
        assert!(head.starts_with("http/1.1 200"), "{haproxy}: {head}");
        let never_complete =
            head.contains("x-upload: truncated") || head.contains("x-upload: unknown");
        assert!(never_complete, "{haproxy}: {head}");
    });
}

#[test]
fn a_request_without_a_body_does_not_wait() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &[]);
        // HAProxy waits 10 s for a body that does not come.
        let limit = Duration::from_secs(9);
        for request in [
            Request::get("/"),
            Request::post("/", ""),
            Request::new("OPTIONS", "*"),
            Request::new("DELETE", "/"),
        ] {
            let started = Instant::now();
            let reply = site.proxy.send(&request);
            let took = started.elapsed();
            let about = format!("{haproxy} {}", request.method);
            assert_eq!(reply.status, 200, "{about}");
            assert_eq!(reply.header("x-bytes"), Some("0"), "{about}");
            assert!(took < limit, "{about}: {took:?}");
        }
        let started = Instant::now();
        let upgrade = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
        let head = site.raw(upgrade, Duration::ZERO, b"");
        assert!(head.contains("x-bytes: 0"), "{haproxy}: {head}");
        let took = started.elapsed();
        assert!(took < limit, "{haproxy}: {took:?}");
    });
}

#[test]
fn haproxy_waits_for_a_slow_body_until_the_configured_timeout() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &[]);
        let head = b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello";
        let reply = site.raw(head, Duration::from_secs(2), b"world");
        assert!(reply.contains("x-upload: complete"), "{haproxy}: {reply}");
        assert!(reply.contains("x-bytes: 10"), "{haproxy}: {reply}");
        // A GET may have a body, too.
        let get = b"GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nhello";
        let reply = site.raw(get, Duration::from_millis(200), b"world");
        assert!(reply.contains("x-bytes: 10"), "{haproxy}: {reply}");
        let started = Instant::now();
        let reply = site.raw(head, Duration::ZERO, b"");
        assert!(reply.starts_with("http/1.1 408"), "{haproxy}: {reply}");
        let took = started.elapsed();
        let stated = Duration::from_secs(9)..Duration::from_secs(20);
        assert!(stated.contains(&took), "{haproxy}: {took:?}");
        assert!(
            site.written
                .read("haproxy.cfg")
                .contains("wait-for-body time 10s")
        );
    });
}

#[test]
fn a_client_that_expects_100_continue_gets_it() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &[]);
        let head =
            b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
        let first = site.raw(head, Duration::from_millis(100), b"hello");
        assert!(first.starts_with("http/1.1 100"), "{haproxy}: {first}");
    });
}

#[test]
fn a_response_with_a_length_is_waited_for_and_one_that_may_never_end_is_not() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &[]);
        let reply = site.proxy.get("/slow");
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (200, "helloworld"),
            "{haproxy}"
        );
        assert_eq!(reply.header("x-download"), Some("complete"), "{haproxy}");
        for target in ["/events", "/poll"] {
            let started = Instant::now();
            let request = format!("GET {target} HTTP/1.1\r\nhost: a\r\n\r\n");
            let head = site.raw(request.as_bytes(), Duration::ZERO, b"");
            assert!(head.starts_with("http/1.1 200"), "{haproxy}: {head}");
            assert!(head.contains("x-download: unknown"), "{haproxy}: {head}");
            let took = started.elapsed();
            assert!(took < Duration::from_secs(10), "{haproxy}: {took:?}");
        }
        // The rule of the backend waits for this one.
        let reply = site.proxy.get("/page");
        assert_eq!(reply.header("x-download-bytes"), Some("10"), "{haproxy}");
        assert_eq!(reply.header("x-download"), Some("unknown"), "{haproxy}");
        // A response that has no body in spite of its length. If HAProxy waited for it, this would be 504.
        let reply = site.proxy.send(&Request::new("HEAD", "/stops"));
        assert_eq!(reply.status, 200, "{haproxy}");
    });
}

#[test]
fn a_server_that_stops_within_a_body_fails_by_the_server_timeout() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &[]);
        let started = Instant::now();
        let reply = site.proxy.get("/stops");
        assert_eq!(reply.status, 504, "{haproxy}");
        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "{haproxy}: {took:?}");
    });
}

#[test]
fn larger_buffers_hold_and_send_more_of_a_body() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &["--bufsize", "65536"]);
        let reply = site.proxy.send(&Request::post("/", vec![b'x'; 60_000]));
        assert_eq!(reply.header("x-upload"), Some("complete"), "{haproxy}");
        assert_eq!(reply.header("x-bytes"), Some("60000"), "{haproxy}");
        let reply = site.proxy.send(&Request::post("/", vec![b'x'; 100_000]));
        assert_eq!(
            reply.header("x-upload"),
            Some("truncated of 100000"),
            "{haproxy}"
        );
    });
}

#[test]
fn a_body_without_a_length_can_be_denied() {
    for_each_haproxy(|haproxy| {
        let site = Site::start(haproxy, &[]);
        let chunked =
            b"POST / HTTP/1.1\r\nhost: a\r\nx-strict: 1\r\ntransfer-encoding: chunked\r\n\r\n\
            5\r\nhello\r\n0\r\n\r\n";
        let head = site.raw(chunked, Duration::ZERO, b"");
        assert!(head.starts_with("http/1.1 400"), "{haproxy}: {head}");
        let fields: [(&[u8], &[u8]); 5] = [
            (b":method", b"POST"),
            (b":scheme", b"http"),
            (b":authority", b"a"),
            (b":path", b"/"),
            (b"x-strict", b"1"),
        ];
        let pieces = [(Duration::ZERO, &b"hello"[..])];
        let status = h2::send(site.h2, &fields, Some(&pieces)).expect("HAProxy answers");
        assert_eq!(status, Some(400), "{haproxy}");
        let with_length = Request::post("/", "hello").header("x-strict", "1");
        assert_eq!(site.proxy.send(&with_length).status, 200, "{haproxy}");
    });
}

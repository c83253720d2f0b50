//! A client cannot switch a check off unnoticed: any bytes reach the handler, and `spoa_facts` knows which
//! samples a client can make too large for a frame.

use std::io::Write;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::sync::Mutex;

use spoa::prelude::*;
use spoa::spop::Args;
use spoa_facts::{Expression, Frame, Sent};
use spoa_tests::{
    Background, Config, Message as Told, Request, eventually, for_each_haproxy_in_turn,
    for_haproxies,
};

/// The paths that were checked.
static CHECKED: Mutex<Vec<String>> = Mutex::new(Vec::new());

#[spoe_message("check")]
fn check(
    #[arg(sample = "path")] path: Text<'_>,
    #[arg(sample = "req.hdr(x-forwarded-for)")] client: Result<IpAddr, Mismatch>,
) -> SetVar<String> {
    CHECKED.lock().unwrap().push(path.to_string());
    let client = match client {
        Ok(ip) => ip.to_string(),
        Err(mismatch) => mismatch.to_string(),
    };
    SetVar::transaction("client", client)
}

/// Sends a request with this path over HTTP/2, whose paths HAProxy takes as they come.
fn send_over_http2(to: SocketAddr, path: &[u8]) -> TcpStream {
    let mut headers = Vec::new();
    let all: [(&[u8], &[u8]); 4] = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", path),
        (b":authority", b"test"),
    ];
    for (name, value) in all {
        // A literal without indexing: RFC 7541 6.2.2.
        headers.push(0);
        for text in [name, value] {
            headers.push(u8::try_from(text.len()).unwrap());
            headers.extend_from_slice(text);
        }
    }
    let frame = |kind: u8, flags: u8, stream: u8, payload: &[u8]| {
        let mut frame = vec![0, 0, u8::try_from(payload.len()).unwrap(), kind, flags];
        frame.extend([0, 0, 0, stream]);
        frame.extend_from_slice(payload);
        frame
    };
    let mut stream = TcpStream::connect(to).unwrap();
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    bytes.extend(frame(4, 0, 0, b""));
    bytes.extend(frame(1, 5, 1, &headers));
    stream.write_all(&bytes).unwrap();
    stream
}

#[test]
fn everything_that_a_client_sends_is_checked() {
    let agent = Background::agent(|agent| agent.handlers(handlers![check]));
    for_each_haproxy_in_turn(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Told::new("check").args("path=path client=req.hdr(x-forwarded-for)"))
            .vars(["txn.iprep.client"])
            .start(haproxy);
        let client = |request: &Request| {
            let reply = proxy.send(request);
            reply.var("txn.iprep.client").map(str::to_owned)
        };
        for (sent, seen) in [
            ("192.0.2.7", "192.0.2.7"),
            (
                "zz",
                "the text does not read as a value of the expected type",
            ),
            ("", "the text does not read as a value of the expected type"),
            (
                "é",
                "the text does not read as a value of the expected type",
            ),
        ] {
            let request = Request::get("/").header("x-forwarded-for", sent);
            assert_eq!(client(&request).as_deref(), Some(seen), "{sent:?}");
        }
        // No path, and no such header.
        let nothing = client(&Request::new("OPTIONS", "*"));
        assert_eq!(nothing.as_deref(), Some("HAProxy had no value"));

        let version = haproxy.version().replace([' ', '/'], "-");
        let path = format!("/{version}/");
        let bytes = [path.as_bytes(), b"\xff"].concat();
        let _stream = send_over_http2(proxy.addr(), &bytes);
        let seen = format!("{path}\u{fffd}");
        eventually("a path that is not UTF-8 is checked", || {
            CHECKED.lock().unwrap().contains(&seen)
        });
    });
    assert_eq!(agent.warnings(), [""; 0]);
}

#[spoe_message("m", set = "txn.length")]
fn measure(args: Args<'_>) -> usize {
    args.iter()
        .map(|arg| arg.value.as_bytes().map_or(0, <[u8]>::len))
        .sum()
}

/// Whether a client can make the message `m` with these samples larger than a frame.
fn overfull(samples: &[&str]) -> bool {
    let samples: Vec<_> = samples
        .iter()
        .map(|sample| Expression::parse(sample).unwrap())
        .collect();
    let args = samples.iter().map(|sample| ("a", Some(sample))).collect();
    let sent = Sent { name: "m", args };
    Frame::default().excess(&[sent]).is_some()
}

#[test]
fn haproxy_from_3_1_on_does_not_send_a_message_that_a_client_makes_too_large() {
    let why = "NOTIFYs that are given up, of HAProxy from 3.1 on";
    let agent = Background::agent(|agent| agent.handlers(handlers![measure]));
    for_haproxies(
        why,
        |haproxy| haproxy.at_least(3, 1),
        |haproxy| {
            let long = |bytes| "x".repeat(bytes);
            let header = |bytes| Request::get("/").header("authorization", &long(bytes));
            let query = |bytes| Request::get(&format!("/?{}", long(bytes)));
            // The samples, a request of moderate size, and the largest or nearly so.
            let cases: [(&[&str], [Request; 2]); 5] = [
                (&["url", "query"], [query(7_000), query(14_000)]),
                (
                    &["req.fhdr(authorization)", "req.hdrs_bin"],
                    [header(8_000), header(8_200)],
                ),
                // A frame of 16,380 bytes has 16,347 for messages; 15 are for names, types and lengths.
                (
                    &["req.hdr(authorization)", "req.hdr(authorization)"],
                    [header(8_166), header(8_167)],
                ),
                (&["req.hdrs", "url"], [header(8_000), header(15_000)]),
                (
                    &["url", "query,bytes(0,500)"],
                    [query(7_000), query(15_000)],
                ),
            ];
            for (samples, requests) in cases {
                let args: Vec<_> = samples.iter().map(|sample| format!("a={sample}")).collect();
                let proxy = Config::new(agent.addr())
                    .message(Told::new("m").args(&args.join(" ")))
                    .set_on_error("error")
                    .vars(["txn.iprep.length", "txn.iprep.error"])
                    .start(haproxy);
                let errors = requests.map(|request| {
                    let reply = proxy.send(&request);
                    let error = reply.var("txn.iprep.error").map(str::to_owned);
                    assert_ne!(error.is_some(), reply.var("txn.iprep.length").is_some());
                    error
                });
                let too_large = overfull(samples).then(|| "3".to_owned());
                assert_eq!(errors, [None, too_large], "{samples:?}");
            }
        },
    );
}

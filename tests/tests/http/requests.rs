//! Methods, targets, headers and cookies: what a handler sees is what was sent.

use crate::h2;
use crate::seen::{Pairs, Seen, Stage};
use spoa_tests::{Haproxy, for_each_haproxy};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

/// A request without a body.
#[derive(Clone, Default)]
pub(crate) struct Nasty {
    pub(crate) name: &'static str,
    method: &'static str,
    /// The target over HTTP/1.1, if it is not path and query.
    target: Option<&'static str>,
    path: Option<Vec<u8>>,
    query: Option<Vec<u8>>,
    headers: Pairs,
    cookies: Vec<(&'static str, &'static str)>,
    /// Whether HTTP/2 can say this.
    pub(crate) h2: bool,
}

fn nasty(name: &'static str, headers: &[(&str, &[u8])]) -> Nasty {
    let own = |(name, value): &(&str, &[u8])| (name.as_bytes().to_vec(), value.to_vec());
    Nasty {
        name,
        method: "GET",
        path: Some(b"/a".to_vec()),
        headers: headers.iter().map(own).collect(),
        h2: true,
        ..Nasty::default()
    }
}

pub(crate) fn table() -> Vec<Nasty> {
    let high: Vec<u8> = (0x80..=0xff).collect();
    let many: Pairs = (0..200)
        .map(|n| (format!("x-{n}").into_bytes(), n.to_string().into_bytes()))
        .collect();
    // As much as HAProxy's buffer takes beside the rest of the request.
    let long = format!("q={}", "x".repeat((15 << 10) - 600));
    vec![
        nasty("plain", &[("user-agent", b"curl"), ("accept", b"*/*")]),
        nasty("empty value", &[("x-empty", b""), ("x-after", b"1")]),
        nasty(
            "empty value at the end",
            &[("x-after", b"1"), ("x-empty", b"")],
        ),
        nasty(
            "duplicates",
            &[("x-d", b"1"), ("x-e", b"2"), ("x-d", b"3"), ("x-d", b"1")],
        ),
        nasty(
            "commas, colons, quotes",
            &[("x-l", b"a, b,c: \"d, e\";f=g")],
        ),
        nasty(
            "0x80 to 0xff",
            &[("x-high", &high), ("user-agent", b"caf\xc3\xa9 \xff")],
        ),
        nasty("tabs within", &[("x-tab", b"a\tb")]),
        nasty(
            "value of 300 bytes",
            &[("x-long", &[b'v'; 300]), ("x-240", &[b'w'; 240])],
        ),
        nasty("value of 3000 bytes", &[("x-long", &[b'v'; 3000])]),
        nasty("name of 240 bytes", &[(&"n".repeat(240), b"1")]),
        Nasty {
            headers: many,
            ..nasty("200 headers", &[])
        },
        Nasty {
            path: Some(b"/a%2fb/../%00//c;d=1".to_vec()),
            query: Some(b"a=1&a=%ff?&+".to_vec()),
            ..nasty("path and query with escapes", &[])
        },
        Nasty {
            query: Some(Vec::new()),
            ..nasty("empty query", &[])
        },
        Nasty {
            query: Some(long.into_bytes()),
            ..nasty("15 KiB query", &[])
        },
        Nasty {
            method: "PROPFIND",
            ..nasty("a method of another protocol", &[])
        },
        Nasty {
            method: "get",
            ..nasty("a method in lower case", &[])
        },
        Nasty {
            method: "X-very-long.method_with~all!sorts#of$token%characters&",
            ..nasty("a method of any characters", &[])
        },
        Nasty {
            method: "OPTIONS",
            target: Some("*"),
            path: None,
            ..nasty("OPTIONS *", &[])
        },
        Nasty {
            target: Some("http://example.org/a"),
            h2: false,
            ..nasty("absolute form", &[])
        },
        Nasty {
            target: Some("http://example.org"),
            path: Some(b"/".to_vec()),
            h2: false,
            ..nasty("absolute form without path", &[])
        },
        Nasty {
            cookies: vec![("a", "1"), ("n", "")],
            ..nasty("Cookie: n= at the end", &[("cookie", b"a=1; n=")])
        },
        Nasty {
            cookies: vec![("n", "")],
            ..nasty("nothing but Cookie: n=", &[("cookie", b"n=")])
        },
        Nasty {
            cookies: vec![("a", "1"), ("b", "2"), ("a", "3"), ("c", "\"x y\"")],
            ..nasty(
                "several Cookie lines",
                &[
                    ("cookie", b"a=1; b=2"),
                    ("x", b"y"),
                    ("cookie", b"a=3;c=\"x y\""),
                ],
            )
        },
    ]
}

/// Sends the bytes, and waits for the first line of the answer.
pub(crate) fn raw(to: SocketAddr, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(to).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    stream.write_all(bytes).unwrap();
    let mut reply = [0; 12];
    stream.read_exact(&mut reply).unwrap();
    let _ = stream.shutdown(Shutdown::Both);
    String::from_utf8_lossy(&reply).into_owned()
}

impl Nasty {
    fn pathq(&self) -> Vec<u8> {
        let mut pathq = self.path.clone().unwrap_or_else(|| b"*".to_vec());
        if let Some(query) = &self.query {
            pathq.push(b'?');
            pathq.extend_from_slice(query);
        }
        pathq
    }

    /// Returns the request as it is sent over HTTP/1.1.
    pub(crate) fn text(&self) -> Vec<u8> {
        let target = match self.target {
            Some(target) => target.as_bytes().to_vec(),
            None => self.pathq(),
        };
        let method = self.method.as_bytes();
        let mut bytes = [
            method,
            b" ",
            &target,
            b" HTTP/1.1\r\nHost: Example.org:80\r\n",
        ]
        .concat();
        for (name, value) in &self.headers {
            // Names in capitals, spaces around values.
            let name = name.to_ascii_uppercase();
            bytes.extend_from_slice(&[&name[..], b": ", value, b" \r\n"].concat());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes
    }

    /// Returns the request as a test writes it that comes over HTTP/2. HAProxy leaves out the port of the scheme.
    pub(crate) fn text_of_h2(&self) -> Vec<u8> {
        let text = self.text();
        let head = b" HTTP/1.1\r\nHost: Example.org:80\r\n";
        let at = text.windows(head.len()).position(|it| it == head);
        let at = at.expect("it has a host");
        let (first, rest) = text.split_at(at);
        [
            first,
            b" HTTP/2.0\r\nHost: Example.org\r\n",
            &rest[head.len()..],
        ]
        .concat()
    }

    pub(crate) fn over_h1(&self, to: SocketAddr) {
        let reply = raw(to, &self.text());
        assert!(reply.starts_with("HTTP/1.1 200"), "{}: {reply}", self.name);
    }

    pub(crate) fn over_h2(&self, to: SocketAddr) {
        let pathq = self.pathq();
        let mut fields: Vec<(&[u8], &[u8])> = vec![
            (b":method", self.method.as_bytes()),
            (b":scheme", b"http"),
            (b":authority", b"Example.org:80"),
            (b":path", &pathq),
        ];
        let own = self.headers.iter().map(|(n, v)| (&n[..], &v[..]));
        fields.extend(own);
        let status = h2::send(to, &fields, None).unwrap();
        assert_eq!(status, Some(200), "{}", self.name);
    }

    /// Compares what was seen with what was sent, and returns the headers but for the host's.
    fn check(&self, seen: &Seen, text: &Pairs, version: &str, haproxy: &Haproxy) -> Pairs {
        let name = format!("{} over {version}", self.name);
        let path = match (self.name, version, haproxy.series()) {
            // Later ones add the `/`.
            ("absolute form without path", _, (2, 6)) => None,
            // It takes the `*` for an empty path.
            ("OPTIONS *", "HTTP/2", (3, 0)) => Some(b"/".to_vec()),
            _ => self.path.clone(),
        };
        assert_eq!(seen.headers, *text, "both encodings: {name}");
        assert_eq!(seen.method, self.method, "{name}");
        assert_eq!(seen.path, path, "{name}");
        assert_eq!(seen.query, self.query, "{name}");
        let host = seen.headers.iter().position(|(name, _)| name == b"host");
        let mut headers = seen.headers.clone();
        headers.remove(host.unwrap_or_else(|| panic!("{name} has a host")));
        assert_eq!(seen.host.as_deref(), Some("example.org"), "{name}");
        let cookies = seen.cookies.iter();
        let cookies: Vec<_> = cookies
            .map(|(n, v)| {
                (
                    std::str::from_utf8(n).unwrap(),
                    std::str::from_utf8(v).unwrap(),
                )
            })
            .collect();
        assert_eq!(cookies, self.cookies, "{name}");
        headers
    }
}

#[test]
fn nasty_requests_are_seen_as_they_were_sent() {
    for_each_haproxy(|haproxy| {
        let stage = Stage::new(haproxy);
        for nasty in table() {
            let version = haproxy.version();
            nasty.over_h1(stage.proxy.addr());
            let (seen, text) = stage.take(&format!("{} over HTTP/1.1, {version}", nasty.name));
            let headers = nasty.check(&seen, &text, "HTTP/1.1", haproxy);
            assert_eq!(headers, nasty.headers, "{}: {version}", nasty.name);
            if !nasty.h2 {
                continue;
            }
            nasty.over_h2(stage.h2);
            let (seen, text) = stage.take(&format!("{} over HTTP/2, {version}", nasty.name));
            let headers = nasty.check(&seen, &text, "HTTP/2", haproxy);
            assert_eq!(headers, joined(&nasty.headers), "{}: {version}", nasty.name);
        }
    });
}

/// The headers as HTTP/2 hands them on: all cookies are one header, after the others.
fn joined(headers: &Pairs) -> Pairs {
    let cookies = headers.iter().filter(|(name, _)| name == b"cookie");
    let cookies: Vec<_> = cookies.map(|(_, value)| &value[..]).collect();
    let others = headers
        .iter()
        .filter(|(name, _)| name != b"cookie")
        .cloned();
    let cookie = (!cookies.is_empty()).then(|| (b"cookie".to_vec(), cookies.join(&b"; "[..])));
    others.chain(cookie).collect()
}

//! HAProxy's samples as the Rust types a handler takes.
//!
//! Each handler answers with what it got, so that the answer to the request shows it.

use spoa::spop::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use spoa::handler::Definition;
use spoa::prelude::*;
use spoa_tests::{
    Background, Client, Config, Message as Sent, Origin, Port, Proxy, Reply, Request,
    for_each_haproxy,
};

/// Runs `test` on each HAProxy, which sends the arguments `args` to `handler`, that of `probe`.
fn probe(
    handler: [&'static Definition; 1],
    args: &str,
    more: impl Fn(Config) -> Config + Sync,
    test: impl Fn(&Proxy) + Sync,
) {
    let agent = Background::agent(move |agent| agent.handlers(handler));
    for_each_haproxy(|haproxy| {
        let config = Config::new(agent.addr())
            .message(Sent::new("probe").args(args))
            .vars(["txn.iprep.got"]);
        test(&more(config).start(haproxy));
    });
}

fn got(reply: &Reply) -> &str {
    reply.var("txn.iprep.got").expect("the handler answered")
}

#[spoe_message("probe", set = "txn.got")]
fn addresses(src: IpAddr, src4: Ipv4Addr, src_port: u16, dst: IpAddr, dst_port: u32) -> String {
    format!("{src} {src4} {src_port} {dst} {dst_port}")
}

#[test]
fn addresses_and_ports_of_a_connection_arrive() {
    let args = "src=src src4=src src_port=src_port dst=dst dst_port=dst_port";
    probe(
        handlers![addresses],
        args,
        |config| config,
        |proxy| {
            let mut client = proxy.client();
            let (ours, theirs) = (client.local_addr().port(), proxy.addr().port());
            let expected = format!("127.0.0.1 127.0.0.1 {ours} 127.0.0.1 {theirs}");
            assert_eq!(got(&client.get("/")), expected);
        },
    );
}

#[spoe_message("probe", set = "txn.got")]
fn six(src: IpAddr, src6: Ipv6Addr) -> String {
    format!("{src} {src6}")
}

#[test]
fn the_address_of_an_ipv6_client_arrives() {
    // HAProxy is told that the client has one: not every machine that runs tests does.
    let v6 = |config: Config| config.frontend("tcp-request connection set-src str(2001:db8::7)");
    probe(handlers![six], "src=src src6=src", v6, |proxy| {
        assert_eq!(got(&proxy.get("/")), "2001:db8::7 2001:db8::7");
    });
}

#[spoe_message("probe", set = "txn.got")]
fn request_line(
    method: &str,
    path: Text<'_>,
    url: Text<'_>,
    query: Text<'_>,
    version: &str,
) -> String {
    format!("{method} {path} {url} {query} {version}")
}

#[test]
fn the_parts_of_the_request_line_arrive() {
    let args = "method=method path=path url=url query=query version=req.ver";
    probe(
        handlers![request_line],
        args,
        |config| config,
        |proxy| {
            let reply = proxy.get("/a/b?c=d");
            assert_eq!(got(&reply), "GET /a/b /a/b?c=d c=d 1.1");
            let reply = proxy.send(&Request::new("BREW", "/pot?"));
            assert_eq!(got(&reply), "BREW /pot /pot?  1.1");
        },
    );
}

#[spoe_message("probe", set = "txn.got")]
fn headers(host: Text<'_>, agent: Option<&str>, count: u8, all: &str) -> String {
    format!("{host} {agent:?} {count} {all:?}")
}

#[test]
fn headers_arrive_one_by_one_and_all_at_once() {
    let args = "host=req.hdr(host) agent=req.hdr(user-agent) \
                count=req.hdr_cnt(x-many) all=req.hdrs";
    probe(
        handlers![headers],
        args,
        |config| config,
        |proxy| {
            let request = Request::get("/")
                .header("X-Many", "1")
                .header("x-many", "two words");
            let all = r#""host: test\r\nx-many: 1\r\nx-many: two words\r\n\r\n""#;
            assert_eq!(got(&proxy.send(&request)), format!("test None 2 {all}"));
            let reply = proxy.send(&Request::get("/").header("User-Agent", "é"));
            assert!(got(&reply).starts_with("test Some(\"é\") 0 "), "{reply:?}");
        },
    );
}

#[spoe_message("probe", set = "txn.got")]
fn body(body: &[u8], length: usize, size: usize) -> String {
    let shown = body.get(..20).unwrap_or(body).escape_ascii();
    format!("({shown}) {} {length} {size}", body.len())
}

const BODY: &str = "body=req.body length=req.body_len size=req.body_size";

#[test]
fn a_buffered_body_arrives_whole() {
    let buffered = |config: Config| config.frontend("option http-buffer-request");
    probe(handlers![body], BODY, buffered, |proxy| {
        assert_eq!(got(&proxy.get("/")), "() 0 0 0");
        assert_eq!(
            got(&proxy.send(&Request::post("/", "small"))),
            "(small) 5 5 5"
        );
        let reply = proxy.send(&Request::post("/", &b"\xff\x00"[..]));
        assert_eq!(got(&reply), r"(\xff\x00) 2 2 2");
        let reply = proxy.send(&Request::post("/", vec![b'x'; 12_000]));
        assert_eq!(
            got(&reply),
            format!("({}) 12000 12000 12000", "x".repeat(20))
        );
    });
}

#[test]
fn a_body_larger_than_the_buffer_is_cut_without_a_mark() {
    let origin = Origin::answering(|request| Reply::new(200, request.body.len().to_string()));
    let buffered = |config: Config| {
        config
            .frontend("option http-buffer-request")
            .origin(origin.addr())
    };
    probe(handlers![body], BODY, buffered, |proxy| {
        let reply = proxy.send(&Request::post("/", vec![b'x'; 40_000]));
        let numbers: Vec<usize> = got(&reply)
            .split(' ')
            .skip(1)
            .map(|word| word.parse().expect("a number"))
            .collect();
        let [came, length, size] = numbers[..] else {
            panic!("{numbers:?}")
        };
        // `req.body_size` is what the request announced: by it a handler sees that there is more.
        assert_eq!((came, size), (length, 40_000));
        assert!((14_000..16_384).contains(&came), "{came}");
        assert_eq!(reply.text(), "40000", "the origin gets all of it");
    });
}

#[spoe_message("probe", set = "txn.got")]
fn booleans(tls: bool, yes: bool, no: bool, one: bool, absent: Option<bool>) -> String {
    format!("{tls} {yes} {no} {one} {absent:?}")
}

#[test]
fn booleans_and_samples_of_tls_arrive() {
    let certificate = concat!(env!("CARGO_MANIFEST_DIR"), "/data/localhost.pem");
    let args = "tls=ssl_fc yes=always_true no=always_false one=int(1) absent=req.hdr(x)";
    let agent = Background::agent(|agent| agent.handlers(handlers![booleans]));
    for_each_haproxy(|haproxy| {
        // HAProxies would share a port, and one get the requests of another.
        let plain = Port::free();
        // One frontend speaks TLS to the other over a socket that HAProxy finds in its directory.
        let tls = format!("abns@spoa-{}", plain.number());
        let proxy = Config::new(agent.addr())
            .message(Sent::new("probe").args(args))
            .vars(["txn.iprep.got"])
            .frontend(&format!("bind {tls} ssl crt {certificate}"))
            .sections(&format!(
                "frontend plain\n    bind {}\n    default_backend tls\n\
                 backend tls\n    server tls {tls} ssl verify none",
                plain.addr()
            ))
            .start(haproxy);
        assert_eq!(got(&proxy.get("/")), "false true false true None");
        let mut client = Client::connect(plain.addr()).expect("HAProxy listens there");
        assert_eq!(got(&client.get("/")), "true true false true None");
    });
}

#[spoe_message("probe", set = "txn.got")]
fn integers(
    narrow: i8,
    wide: i64,
    least: i64,
    greatest: u64,
    zero: u8,
    text: Parse<u32>,
) -> String {
    format!("{narrow} {wide} {least} {greatest} {zero} {}", text.0)
}

#[test]
fn integers_of_any_size_and_sign_arrive() {
    let args = "narrow=int(-5) wide=int(-5000000000) zero=int(0) \
                least=int(-9223372036854775808) greatest=int(9223372036854775807) \
                text=req.hdr(x-number)";
    probe(
        handlers![integers],
        args,
        |config| config,
        |proxy| {
            let reply = proxy.send(&Request::get("/").header("x-number", "42"));
            let expected = format!("-5 -5000000000 {} {} 0 42", i64::MIN, i64::MAX);
            assert_eq!(got(&reply), expected);
        },
    );
}

#[spoe_message("probe", set = "txn.got")]
fn absent(
    text: Option<&str>,
    number: Option<u16>,
    ip: Option<IpAddr>,
    bytes: Option<&[u8]>,
    never: Option<bool>,
    #[arg(default = 7)] default: u8,
    raw: Value<'_>,
) -> String {
    format!("{text:?} {number:?} {ip:?} {bytes:?} {never:?} {default} {raw:?}")
}

#[test]
fn missing_samples_arrive_as_null() {
    // All are sent, as NULL, but `never`.
    let args = "text=req.hdr(x) number=req.hdr(x),length ip=req.hdr_ip(x) bytes=req.hdr(x),sha1 \
                default=var(txn.none) raw=var(txn.none)";
    probe(
        handlers![absent],
        args,
        |config| config,
        |proxy| {
            assert_eq!(got(&proxy.get("/")), "None None None None None 7 Null");
        },
    );
}

#[spoe_message("probe", set = "txn.got")]
fn unnamed(
    #[arg(index = 0)] first: &str,
    #[arg(index = 2)] third: IpAddr,
    named: i8,
    #[arg(index = 4)] missing: Option<u8>,
) -> String {
    format!("{first} {third} {named} {missing:?}")
}

#[test]
fn arguments_without_a_name_are_read_by_position() {
    let args = "method path src named=int(-1)";
    probe(
        handlers![unnamed],
        args,
        |config| config,
        |proxy| {
            assert_eq!(got(&proxy.get("/")), "GET 127.0.0.1 -1 None");
        },
    );
}

#[spoe_message("probe", set = "txn.got")]
fn from_headers(sample: IpAddr, text: IpAddr, v6: Option<Ipv6Addr>) -> String {
    format!("{sample} {text} {v6:?}")
}

#[test]
fn addresses_in_headers_are_parsed() {
    let args = "sample=req.hdr_ip(x-client) text=req.hdr(x-client) v6=req.hdr(x-six)";
    probe(
        handlers![from_headers],
        args,
        |config| config,
        |proxy| {
            let ask = |client| {
                let request = Request::get("/").header("x-client", client);
                got(&proxy.send(&request.header("x-six", "2001:db8::1"))).to_owned()
            };
            assert_eq!(ask("192.0.2.7"), "192.0.2.7 192.0.2.7 Some(2001:db8::1)");
            assert_eq!(
                ask("2001:db8::7"),
                "2001:db8::7 2001:db8::7 Some(2001:db8::1)"
            );
        },
    );
}

#[spoe_message("probe", set = "txn.got")]
fn binary(digest: &[u8], given: Vec<u8>, text: &[u8], headers: &[u8]) -> String {
    format!(
        "{} {given:02x?} {text:?} {}",
        digest.len(),
        headers.escape_ascii()
    )
}

#[test]
fn bytes_that_are_not_text_arrive_unchanged() {
    let args = "digest=path,sha1 given=bin(00ff80) text=path headers=req.hdrs_bin";
    probe(
        handlers![binary],
        args,
        |config| config,
        |proxy| {
            let headers = r"\x04host\x04test\x00\x00";
            assert_eq!(
                got(&proxy.get("/")),
                format!("20 [00, ff, 80] [47] {headers}")
            );
        },
    );
}

#[derive(FromValue, Debug)]
enum Verb {
    #[spoa("GET")]
    Get,
    #[spoa("POST")]
    Post,
}

#[derive(FromMessage)]
struct Response<'a> {
    #[spoa("the-verb")]
    verb: Verb,
    status: u16,
    kind: Option<&'a str>,
    #[spoa(default)]
    length: u64,
}

#[spoe_message("probe", set = "txn.got")]
fn response(response: Response<'_>) -> String {
    let Response {
        verb,
        status,
        kind,
        length,
    } = response;
    format!("{verb:?} {status} {kind:?} {length}")
}

#[test]
fn a_struct_takes_the_samples_of_a_response() {
    let origin = Origin::answering(|_| Reply::new(203, "four").with("content-type", "text/plain"));
    let agent = Background::agent(|agent| agent.handlers(handlers![response]));
    for_each_haproxy(|haproxy| {
        let args = "the-verb=method status=status kind=res.hdr(content-type) \
                    length=res.hdr(x-none)";
        let proxy = Config::new(agent.addr())
            .origin(origin.addr())
            .message(Sent::new("probe").args(args).event("on-http-response"))
            .vars(["txn.iprep.got"])
            .start(haproxy);
        assert_eq!(got(&proxy.get("/")), r#"Get 203 Some("text/plain") 0"#);
        assert_eq!(
            got(&proxy.send(&Request::post("/", "x"))),
            r#"Post 203 Some("text/plain") 0"#
        );
    });
}

//! Which samples the types name, for which events, and how the arguments arrive.

use spoa::Agent;
use spoa::handler::Definition;
use spoa::http::{
    BasicAuth, BearerToken, Body, ClientIp, Completeness, Cookies, Form, Headers, Host, Method,
    Path, Query, TraceParent, TrustedProxies, UniqueId,
};
use spoa::prelude::*;
use spoa::spop::Value;
use spoa::testing::TestAgent;

/// The arguments of a handler with their samples, as `args` has them.
fn args([definition]: [&'static Definition; 1]) -> String {
    let description = definition.description();
    let args = description.arguments.iter().map(|argument| {
        let name = argument.name.unwrap_or("-");
        format!("{name}={}", argument.sample.unwrap_or("?"))
    });
    args.collect::<Vec<_>>().join(" ")
}

#[spoe_message("request", event = "on-frontend-http-request")]
#[allow(clippy::too_many_arguments)]
fn request(
    method: Method<'_>,
    path: Path<'_>,
    query: Option<Query<'_>>,
    _headers: Headers<'_>,
    host: Option<Host<'_>>,
    _form: Form<'_>,
    _token: Result<BearerToken<'_>, Mismatch>,
    _login: Result<BasicAuth, Mismatch>,
    _id: UniqueId<'_>,
    _trace: Result<TraceParent, Mismatch>,
) -> SetVar<String> {
    let query = query.unwrap_or_default();
    let host = host.map_or_else(String::new, |host| host.to_string());
    let text = String::from_utf8_lossy(query.as_bytes());
    SetVar::transaction("seen", format!("{method} {host} {path} {text}"))
}

#[spoe_message("response", event = "on-http-response")]
fn response(method: Method<'_>, headers: Headers<'_>, body: Body<'_>) -> SetVar<bool> {
    let _ = (method, headers);
    SetVar::transaction("complete", body.completeness() == Completeness::Complete)
}

#[spoe_message("group", group = "checks")]
fn group(_headers: Headers<'_>, #[arg(sample = "status")] _status: u16) {}

#[spoe_message("own-sample", event = "on-frontend-http-request")]
fn own_sample(#[arg(sample = "req.hdrs")] _headers: Headers<'_>) {}

#[spoe_message("shared", event = "on-frontend-http-request")]
fn shared(cookies: Cookies<'_>, headers: Headers<'_>, client: ClientIp) -> SetVar<String> {
    let cookie = cookies.text("a").unwrap_or_default();
    SetVar::transaction("seen", format!("{cookie} {} {client}", headers.len()))
}

#[derive(FromMessage)]
struct Parts<'a> {
    method: Method<'a>,
    all: Option<Headers<'a>>,
    body: Body<'a>,
    cookies: Cookies<'a>,
}

#[spoe_message("derived", event = "on-frontend-http-request")]
fn derived(parts: Parts<'_>) -> SetVar<String> {
    let all = parts.all.map_or(0, |all| all.len());
    let size = parts.body.bytes().len();
    let seen = format!("{} {all} {size} {}", parts.method, parts.cookies.len());
    SetVar::transaction("seen", seen)
}

#[derive(FromValue)]
struct Own<'a>(Headers<'a>);

#[spoe_message("newtype", event = "on-http-response")]
fn newtype(headers: Own<'_>) -> SetVar<usize> {
    SetVar::transaction("len", headers.0.len())
}

#[test]
fn a_type_names_the_sample_of_its_argument() {
    assert_eq!(
        args(handlers![request]),
        "method=method path=path query=query headers=req.hdrs_bin host=req.fhdr(host) form=req.body \
         token=req.fhdr(authorization) login=req.fhdr(authorization) id=unique-id \
         trace=req.fhdr(traceparent)"
    );
}

#[test]
fn a_message_about_a_response_gets_the_sample_of_the_response() {
    assert_eq!(
        args(handlers![response]),
        "method=method headers=res.hdrs_bin body=res.body body_size=res.body_size \
         content_length=res.fhdr(content-length)"
    );
    // Without an event, the other samples say what the message is about.
    assert_eq!(args(handlers![group]), "headers=res.hdrs_bin status=status");
    assert_eq!(args(handlers![newtype]), "headers=res.hdrs_bin");
}

#[test]
fn a_sample_in_an_attribute_takes_precedence() {
    assert_eq!(args(handlers![own_sample]), "headers=req.hdrs");
}

#[test]
fn several_types_read_one_argument() {
    assert_eq!(args(handlers![shared]), "headers=req.hdrs_bin src=src");
    assert_eq!(
        args(handlers![derived]),
        "method=method all=req.hdrs_bin body=req.body body_size=req.body_size \
         content_length=req.fhdr(content-length) headers=req.hdrs_bin"
    );
}

#[test]
fn arguments_arrive_as_haproxy_sends_them() {
    let proxies: TrustedProxies = "127.0.0.0/8".parse().unwrap();
    let handlers = handlers![request, shared, derived, response, newtype];
    let agent = Agent::builder().handlers(handlers).state(proxies);
    let agent = TestAgent::build(agent).unwrap();
    let block = Value::Binary(b"\x06cookie\x03a=1\x0fx-forwarded-for\x0b192.0.2.7  \0\0");
    let source = std::net::Ipv4Addr::LOCALHOST;
    let answer = agent.call_blocking("shared", &[("src", &source), ("headers", &block)]);
    assert_eq!(answer.unwrap().get("txn.seen"), Some("1 2 192.0.2.7"));
    let answer = agent.call_blocking(
        "derived",
        &[
            ("method", &"PUT"),
            ("all", &block),
            ("body", &Value::Binary(b"abc")),
            ("body_size", &3_i64),
            ("headers", &block),
        ],
    );
    assert_eq!(answer.unwrap().get("txn.seen"), Some("PUT 2 3 1"));
    let answer = agent.call_blocking(
        "response",
        &[
            ("method", &"GET"),
            ("headers", &Value::String(b"server: x\r\n\r\n")),
            ("body", &Value::Binary(b"abc")),
            ("body_size", &3_i64),
            ("content_length", &"3"),
        ],
    );
    assert_eq!(answer.unwrap().get("txn.complete"), Some(true));
    let answer = agent.call_blocking(
        "request",
        &[
            ("method", &"OPTIONS"),
            ("path", &Value::Null),
            ("query", &Value::Null),
            ("headers", &block),
            ("host", &"Example.org:80"),
            ("form", &Value::Binary(b"")),
            ("token", &Value::Null),
            ("login", &"Bearer abc"),
            ("id", &Value::Null),
            ("trace", &"00-"),
        ],
    );
    assert_eq!(
        answer.unwrap().get("txn.seen"),
        Some("OPTIONS example.org  ")
    );
}

#[test]
fn a_block_that_was_cut_rejects_the_message() {
    let agent = TestAgent::new(handlers![newtype]);
    let answer = agent.call_blocking("newtype", &[("headers", &Value::Binary(b"\x01a\x01b"))]);
    let said = answer.unwrap().failure().unwrap().to_string();
    assert!(said.contains("the block of headers has no end"), "{said}");
}

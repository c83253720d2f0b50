//! `testing::HttpRequest` gives a handler the arguments that HAProxy sends for the same request.

use crate::requests::{raw, table};
use crate::seen::{Log, Seen, Stage, message, request};
use spoa::Agent;
use spoa::handler::State;
use spoa::http::{Body, Headers, Method, UniqueId};
use spoa::prelude::*;
use spoa::spop::Value;
use spoa::testing::{HttpRequest, TestAgent};
use spoa_tests::{Background, Config, Port, for_each_haproxy};
use std::sync::{Arc, Mutex};

/// Returns what the handler sees of a request in a test without HAProxy.
fn simulated(text: &[u8]) -> Seen {
    let log = Log::default();
    let agent = Agent::builder()
        .handlers(handlers![request])
        .state(Arc::clone(&log));
    let agent = TestAgent::build(agent).unwrap();
    agent
        .request_blocking("request", &HttpRequest::new(text))
        .unwrap();
    let seen = log.lock().unwrap().0.pop();
    seen.expect("the handler ran")
}

#[test]
fn simulated_nasty_requests_are_those_of_haproxy() {
    for_each_haproxy(|haproxy| {
        let stage = Stage::new(haproxy);
        for nasty in table() {
            let what = format!("{}: {}", haproxy.version(), nasty.name);
            nasty.over_h1(stage.proxy.addr());
            let (mut seen, _) = stage.take(&what);
            let mut simulated = simulated(&nasty.text());
            if nasty.name.starts_with("absolute form") {
                // Some generations write the host of the target into the header.
                seen.headers.retain(|(name, _)| name != b"host");
                simulated.headers.retain(|(name, _)| name != b"host");
            }
            if nasty.name == "absolute form without path" && haproxy.series() == (2, 6) {
                // Later ones add the `/`.
                assert_eq!((&seen.path, &simulated.path), (&None, &Some(b"/".to_vec())));
                simulated.path = None;
            }
            assert_eq!(simulated, seen, "{what}");
        }
    });
}

#[test]
fn simulated_nasty_requests_over_http2_are_those_of_haproxy() {
    for_each_haproxy(|haproxy| {
        let stage = Stage::new(haproxy);
        for nasty in table().into_iter().filter(|nasty| nasty.h2) {
            let what = format!("{}: {}", haproxy.version(), nasty.name);
            nasty.over_h2(stage.h2);
            let (seen, _) = stage.take(&what);
            let mut simulated = simulated(&nasty.text_of_h2());
            if nasty.name == "OPTIONS *" && haproxy.series() == (3, 0) {
                // It takes the `*` for an empty path.
                simulated.path = Some(b"/".to_vec());
            }
            assert_eq!(simulated, seen, "{what}");
        }
    });
}

#[test]
fn simulated_bodies_are_those_of_haproxy() {
    for_each_haproxy(|haproxy| {
        let stage = Stage::new(haproxy);
        for body in ["", "a=1&b=%20", "\0\r\n\r\n"] {
            let length = body.len();
            let text = format!(
                "POST /a?b=c HTTP/1.1\r\nHost: example.org\r\nContent-Length: {length}\r\n\r\n{body}"
            );
            assert!(raw(stage.proxy.addr(), text.as_bytes()).ends_with("200"));
            let (seen, _) = stage.take(&text);
            assert_eq!(simulated(text.as_bytes()), seen, "{haproxy}: {text}");
        }
    });
}

type Values = Arc<Mutex<Vec<String>>>;

/// Takes samples that no type of `spoa::http` names.
#[spoe_message("others", event = "on-frontend-http-request")]
#[allow(clippy::too_many_arguments)]
fn others(
    #[arg(sample = "url")] url: Value<'_>,
    #[arg(sample = "pathq")] pathq: Value<'_>,
    #[arg(sample = "req.ver")] version: Value<'_>,
    #[arg(sample = "req.hdr(x-list)")] last: Value<'_>,
    #[arg(sample = "hdr(x-list)")] short: Value<'_>,
    #[arg(sample = "req.fhdr(x-list)")] line: Value<'_>,
    #[arg(sample = "req.cook(b)")] cookie: Value<'_>,
    #[arg(sample = "req.cook(missing)")] no_cookie: Value<'_>,
    #[arg(sample = "url_param(a)")] param: Value<'_>,
    #[arg(sample = "url_param(missing)")] no_param: Value<'_>,
    #[arg(sample = "req.body_param(f)")] field: Value<'_>,
    #[arg(sample = "req.body_len")] len: Value<'_>,
    #[arg(sample = "http_auth_bearer")] bearer: Value<'_>,
    #[arg(sample = "unique-id")] id: Value<'_>,
    values: State<'_, Values>,
) {
    let all = [
        url, pathq, version, last, short, line, cookie, no_cookie, param, no_param, field, len,
        bearer, id,
    ];
    let all = all.iter().map(|value| match value.as_bytes() {
        Some(bytes) => format!("{} {}", value.data_type(), bytes.escape_ascii()),
        None => format!("{value:?}"),
    });
    values.lock().unwrap().extend(all);
}

const REQUESTS: [&str; 5] = [
    "GET /a?a=1&a=2 HTTP/1.1\r\nHost: x\r\n\r\n",
    "GET /a?b=%20&a=x%20y+z HTTP/1.1\r\nHost: x\r\nX-List: a, b ,c\r\nCookie: a=1; b=2; b=3\r\n\
     Authorization: Bearer abc.def\r\n\r\n",
    "GET / HTTP/1.1\r\nHost: x\r\nX-List: a,\r\nx-list: b, \r\nCookie: b=\r\nCookie: b=2\r\n\
     Authorization: Basic YTpi\r\n\r\n",
    "POST /?a HTTP/1.1\r\nHost: x\r\nx-list:\r\nCookie: b=\"x y\"; c\r\nContent-Length: 11\r\n\
     Content-Type: application/x-www-form-urlencoded\r\n\r\ne=1&f=%41+b",
    "OPTIONS * HTTP/1.1\r\nHost: x\r\nAuthorization: bearer  x y \r\n\r\n",
];

#[test]
fn other_simulated_samples_are_those_of_haproxy() {
    for_each_haproxy(|haproxy| {
        let values = Values::default();
        let state = Arc::clone(&values);
        let agent = Background::agent(|agent| agent.handlers(handlers![others]).state(state));
        let [handler] = handlers![others];
        let proxy = Config::new(agent.addr())
            .defaults("option http-buffer-request")
            .message(message(handler))
            .start(haproxy);
        for text in REQUESTS {
            let status = raw(proxy.addr(), text.as_bytes());
            assert!(status.ends_with("200"), "{haproxy}: {text}: {status}");
            let real = std::mem::take(&mut *values.lock().unwrap());
            let state = Values::default();
            let agent = Agent::builder()
                .handlers(handlers![others])
                .state(Arc::clone(&state));
            let agent = TestAgent::build(agent).unwrap();
            agent
                .request_blocking("others", &HttpRequest::new(text))
                .unwrap();
            let simulated = std::mem::take(&mut *state.lock().unwrap());
            assert_eq!(simulated, real, "{haproxy}: {text}");
        }
    });
}

#[spoe_message("id", event = "on-frontend-http-request")]
fn id(id: UniqueId<'_>, again: Option<UniqueId<'_>>, values: State<'_, Values>) {
    let again = again.is_none();
    values.lock().unwrap().push(format!("{id} {again}"));
}

#[test]
fn the_unique_id_is_that_of_the_frontend() {
    for_each_haproxy(|haproxy| {
        for (format, expected) in [
            ("", " true"),
            ("unique-id-format x-%[req.fhdr(x-id)]", "x-7 true"),
        ] {
            let values = Values::default();
            let state = Arc::clone(&values);
            let agent = Background::agent(|agent| agent.handlers(handlers![id]).state(state));
            let proxy = Config::new(agent.addr())
                .frontend(format)
                // `again` has another name, which HAProxy does not send.
                .message(spoa_tests::Message::new("id").args("id=unique-id"))
                .start(haproxy);
            raw(
                proxy.addr(),
                b"GET / HTTP/1.1\r\nHost: x\r\nX-Id: 7\r\n\r\n",
            );
            assert_eq!(*values.lock().unwrap(), [expected], "{haproxy}");
        }
    });
}

/// Takes the parts of a response.
#[spoe_message("response", event = "on-http-response")]
#[allow(clippy::too_many_arguments)]
fn response(
    #[arg(sample = "status")] status: u16,
    #[arg(sample = "res.ver")] version: Text<'_>,
    #[arg(sample = "res.fhdr(x-list)")] line: Text<'_>,
    #[arg(sample = "res.hdr(x-list)")] last: Text<'_>,
    method: Method<'_>,
    headers: Headers<'_>,
    body: Body<'_>,
    values: State<'_, Values>,
) {
    let list: Vec<_> = headers
        .get_all("x-list")
        .map(<[u8]>::escape_ascii)
        .collect();
    assert!(b"hello".starts_with(body.bytes()));
    let list = list.iter().map(ToString::to_string).collect::<Vec<_>>();
    let text = format!("{status} {version} {method} {line} {last} {list:?}");
    values.lock().unwrap().push(text);
}

#[test]
fn the_parts_of_a_response_are_those_that_the_server_sent() {
    for_each_haproxy(|haproxy| {
        let values = Values::default();
        let state = Arc::clone(&values);
        let agent = Background::agent(|agent| agent.handlers(handlers![response]).state(state));
        let [handler] = handlers![response];
        let server = Port::free();
        let proxy = Config::new(agent.addr())
            .origin(server.addr())
            .sections(&format!(
                "listen server\n    bind {}\n    http-request return status 404 content-type \
                 text/plain hdr x-list \"a, b\" hdr x-list \"c,d\" string hello\n",
                server.addr()
            ))
            .message(message(handler))
            .start(haproxy);
        assert_eq!(proxy.get("/").status, 404);
        let expected = r#"404 1.1 GET c,d d ["a, b", "c,d"]"#;
        assert_eq!(*values.lock().unwrap(), [expected], "{haproxy}");
    });
}

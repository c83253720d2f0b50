//! Arguments made from the text of a request.

use spoa::http::{Body, Completeness, Cookies, Form, Headers, Host, Method, Path, Query};
use spoa::prelude::*;
use spoa::testing::{HttpRequest, TestAgent};
use std::net::IpAddr;

#[spoe_message("seen", event = "on-frontend-http-request")]
#[allow(clippy::too_many_arguments)]
fn seen(
    src: IpAddr,
    method: Method<'_>,
    path: Path<'_>,
    query: Option<Query<'_>>,
    headers: Headers<'_>,
    cookies: Cookies<'_>,
    host: Option<Host<'_>>,
    body: Body<'_>,
    #[arg(sample = "req.hdr(x-list)")] list: Text<'_>,
    user_agent: Option<Text<'_>>,
) -> SetVar<String> {
    let query = query.map(|query| query.as_bytes().len());
    let host = host.map_or_else(String::new, |host| host.to_string());
    let (len, cookies) = (headers.len(), cookies.len());
    let body = (
        body.bytes().len(),
        body.completeness() == Completeness::Complete,
    );
    let agent = user_agent.is_some();
    SetVar::transaction(
        "seen",
        format!("{src} {method} {path} {query:?} {len} {cookies} {host} {body:?} {list} {agent}"),
    )
}

#[spoe_message("form", event = "on-frontend-http-request")]
fn form(form: Form<'_>, #[arg(sample = "var(txn.level)")] level: Text<'_>) -> SetVar<String> {
    SetVar::transaction(
        "user",
        format!("{} {level}", form.text("user").unwrap_or_default()),
    )
}

fn agent() -> TestAgent {
    TestAgent::new(handlers![seen, form])
}

#[test]
fn arguments_are_made_as_haproxy_makes_them() {
    let request = HttpRequest::new(
        "POST /a%20b?x=1 HTTP/1.1\r\nHost: Example.org:80\r\nCookie: a=1; n=\r\nCookie: b=2\r\n\
         X-List: 1, 2\r\nContent-Length: 3\r\n\r\nabc",
    );
    let request = request.from("192.0.2.7".parse().unwrap());
    let answer = agent().request_blocking("seen", &request).unwrap();
    assert_eq!(
        answer.get("txn.seen"),
        Some("192.0.2.7 POST /a%20b Some(3) 5 3 example.org (3, true) 2 false")
    );
    let nothing = HttpRequest::new("OPTIONS * HTTP/1.1\n\n");
    let answer = agent().request_blocking("seen", &nothing).unwrap();
    let expected = "127.0.0.1 OPTIONS  None 0 0  (0, false)  false";
    assert_eq!(answer.get("txn.seen"), Some(expected));
}

#[test]
fn values_that_no_request_has_can_be_given() {
    let request = HttpRequest::new("POST / HTTP/1.1\n\nuser=%61lice").with("level", "high");
    let answer = agent().request_blocking("form", &request).unwrap();
    assert_eq!(answer.get("txn.user"), Some("alice high"));
}

#[test]
#[should_panic(expected = "argument `level` has the sample `var(txn.level)`")]
fn a_missing_value_is_named() {
    let _ = agent().request_blocking("form", &HttpRequest::new("POST / HTTP/1.1\n\n"));
}

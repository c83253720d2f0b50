//! `Option` and `Result` of types that are made from several arguments.

use spoa::Agent;
use spoa::http::{Body, ClientIp, Cookies, TrustedProxies};
use spoa::prelude::*;
use spoa::spop::Value;
use spoa::testing::{Answer, CallError, TestAgent};
use std::net::{IpAddr, Ipv4Addr};

#[spoe_message("optional")]
fn optional(
    cookies: Option<Cookies<'_>>,
    body: Option<Body<'_>>,
    client: Option<ClientIp>,
) -> SetVar<String> {
    let seen = (
        cookies.map(|cookies| cookies.len()),
        body.map(|body| body.bytes().len()),
        client.map(|client| client.to_string()),
    );
    SetVar::transaction("seen", format!("{seen:?}"))
}

#[spoe_message("result")]
fn result(
    cookies: Result<Cookies<'_>, Mismatch>,
    client: Result<ClientIp, Mismatch>,
) -> SetVar<String> {
    let seen = (
        cookies.map(|cookies| cookies.len()),
        client.map(|client| client.to_string()),
    );
    SetVar::transaction("seen", format!("{seen:?}"))
}

fn ask(message: &str, arguments: &[(&str, Value<'_>)]) -> Result<Answer, CallError> {
    let agent = Agent::builder()
        .handlers(handlers![optional, result])
        .state(TrustedProxies::none());
    let arguments: Vec<(&str, &dyn spoa::handler::AsValue)> = arguments
        .iter()
        .map(|(name, value)| (*name, value as &dyn spoa::handler::AsValue))
        .collect();
    TestAgent::build(agent)
        .unwrap()
        .call_blocking(message, &arguments)
}

fn seen(message: &str, arguments: &[(&str, Value<'_>)]) -> String {
    let answer = ask(message, arguments).unwrap();
    answer.get::<String>("txn.seen").unwrap()
}

const HEADERS: (&str, Value<'static>) = ("headers", Value::String(b"cookie: a=1; b=2\r\n\r\n"));
const SRC: (&str, Value<'static>) = ("src", Value::Ipv4(Ipv4Addr::LOCALHOST));

#[test]
fn without_an_argument_there_is_no_value_or_a_mismatch() {
    assert_eq!(seen("optional", &[]), "(None, None, None)");
    assert_eq!(seen("result", &[]), "(Err(Missing), Err(Missing))");
    let null = ("headers", Value::Null);
    assert_eq!(seen("optional", &[null, SRC]), "(None, None, None)");
    let all = [
        HEADERS,
        SRC,
        ("body", Value::Binary(b"x")),
        ("body_size", Value::Int64(1)),
    ];
    assert_eq!(
        seen("optional", &all),
        "(Some(2), Some(1), Some(\"127.0.0.1\"))"
    );
    assert_eq!(seen("result", &all), "(Ok(2), Ok(\"127.0.0.1\"))");
}

#[test]
fn a_wrong_argument_is_rejected_unless_the_type_is_a_result() {
    let cut = [("headers", Value::String(b"cookie: a=1\r\n")), SRC];
    assert!(
        ask("optional", &cut)
            .unwrap()
            .get::<String>("txn.seen")
            .is_none()
    );
    let text = seen("result", &cut);
    assert!(
        text.contains("it was cut") || text.contains("no end"),
        "{text}"
    );
    let address: IpAddr = Ipv4Addr::LOCALHOST.into();
    assert_eq!(ClientIp::new(address).get(), address);
}

#[test]
fn an_optional_argument_is_required_if_another_type_needs_it() {
    #[spoe_message("both")]
    fn both(cookies: Option<Cookies<'_>>, headers: spoa::http::Headers<'_>) -> SetVar<usize> {
        SetVar::transaction(
            "n",
            cookies.map_or(0, |cookies| cookies.len()) + headers.len(),
        )
    }
    let [both] = handlers![both];
    let arguments = both.description().arguments;
    assert_eq!(arguments.len(), 1);
    assert!(arguments[0].required && !arguments[0].takes_null);
    let [optional] = handlers![optional];
    assert!(
        optional
            .description()
            .arguments
            .iter()
            .all(|it| !it.required)
    );
}

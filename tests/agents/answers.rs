//! A handler for every kind of return type, each asked for by a path of its own, that succeeds, fails or is late as
//! the query says.

use spoa::prelude::*;
use spoa::spop::{Args, Value};
use std::time::Duration;

type Alias<T> = std::option::Option<T>;

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict {
    blocked: bool,
    reason: Option<&'static str>,
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Perhaps {
    class: Option<u8>,
}

#[derive(IntoActions)]
#[spoa(scope = "sess")]
struct Kept {
    score: u8,
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Nothing;

/// The mistakes that the query asks a handler to make.
fn judged(query: Option<&[u8]>) -> Result<(), HandlerError> {
    match query {
        Some(b"fail") => Err(HandlerError::new("told to fail")),
        Some(b"panic") => panic!("told to panic"),
        _ => Ok(()),
    }
}

/// As `judged`, for handlers that return no `Result`.
fn expect(query: Option<&[u8]>) {
    judged(query).expect("told to succeed");
}

macro_rules! handlers {
    ($($name:ident $message:literal $path:literal $(set = $set:literal)? -> $ty:ty $value:block)*) => {$(
        #[spoe_message($message, event = "on-frontend-http-request", condition = $path $(, set = $set)?)]
        fn $name(#[arg(sample = "query")] query: Option<&[u8]>) -> $ty {
            expect(query);
            $value
        }
    )*};
}

handlers! {
    unit "unit" "if { path /unit }" -> () {}
    set_var "set-var" "if { path /set-var }" -> SetVar<bool> { SetVar::transaction("one", false) }
    session "session" "if { path /session }" -> SetVar<u8> { SetVar::session("one", 1) }
    computed "computed" "if { path /computed }" -> SetVar<u8> {
        SetVar::transaction(String::from("some"), 1)
    }
    option "option" "if { path /option }" -> Option<SetVar<u8>> { None }
    some "some" "if { path /some }" -> Option<SetVar<u8>> { Some(SetVar::transaction("some", 1)) }
    result "result" "if { path /result }" -> Result<SetVar<u8>, HandlerError> {
        Ok(SetVar::transaction("result", 1))
    }
    tuple "tuple" "if { path /tuple }" -> (SetVar<u8>, UnsetVar) {
        (SetVar::transaction("a", 1), UnsetVar::transaction("a"))
    }
    list "list" "if { path /list }" -> Vec<SetVar<u8>> { Vec::new() }
    array "array" "if { path /array }" -> [SetVar<u8>; 0] { [] }
    unset "unset" "if { path /unset }" -> UnsetVar { UnsetVar::transaction("gone") }
    actions "actions" "if { path /actions }" -> Actions { Actions::new() }
    whole "struct" "if { path /struct }" -> Verdict { Verdict { blocked: false, reason: None } }
    kept "kept" "if { path /kept }" -> Kept { Kept { score: 1 } }
    only_options "only-options" "if { path /only-options }" -> Perhaps { Perhaps { class: None } }
    no_struct "no-struct" "if { path /no-struct }" -> Alias<Verdict> { None }
    undone "undone" "if { path /undone }" -> (Kept, Verdict, UnsetVar) {
        let verdict = Verdict { blocked: false, reason: None };
        (Kept { score: 1 }, verdict, UnsetVar::transaction("blocked"))
    }
    nothing "unit-struct" "if { path /unit-struct }" -> Nothing { Nothing }
    value "value" "if { path /value }" set = "txn.value" -> u8 { 1 }
    no_value "no-value" "if { path /no-value }" set = "txn.no_value" -> Option<u8> { None }
    null "null" "if { path /null }" set = "txn.null" -> Value<'static> { Value::Null }
    gone "gone" "if { path /gone }" set = "txn.gone" -> Unset { Unset }
    // Two messages of one event that set one variable: one answer does not stand for both.
    twice "twice" "if { path /twice }" set = "txn.twice" -> u8 { 1 }
}

#[spoe_message(
    "twice-too",
    event = "on-frontend-http-request",
    condition = "if { path /twice }",
    set = "txn.twice"
)]
fn twice_too() -> u8 {
    2
}

#[spoe_message(
    "opaque",
    event = "on-frontend-http-request",
    condition = "if { path /opaque }"
)]
fn opaque(#[arg(sample = "query")] query: Option<&[u8]>) -> impl IntoActions {
    expect(query);
    SetVar::transaction("opaque", 1)
}

#[spoe_message(
    "slow",
    event = "on-frontend-http-request",
    timeout = "1s",
    condition = "if { path /slow }"
)]
async fn slow(
    #[arg(sample = "query")] query: Option<&[u8]>,
) -> Result<Option<SetVar<u8>>, HandlerError> {
    if query == Some(b"late") {
        std::future::pending::<()>().await;
    }
    tokio::task::yield_now().await;
    judged(query).map(|()| None)
}

#[spoe_message(
    "blocks",
    event = "on-frontend-http-request",
    timeout = "1s",
    blocking,
    condition = "if { path /blocks }"
)]
fn blocks(#[arg(sample = "query")] query: Option<&[u8]>) -> Result<(), HandlerError> {
    if query == Some(b"late") {
        std::thread::sleep(Duration::from_secs(2));
    }
    judged(query)
}

/// By their places, which the sign of success must not move.
#[spoe_message(
    "places",
    event = "on-frontend-http-request",
    condition = "if { path /places }"
)]
fn places(
    #[arg(index = 0, sample = "method")] method: &str,
    #[arg(index = 1, sample = "query")] query: Option<&[u8]>,
    all: Args<'_>,
) -> Result<(), HandlerError> {
    judged(query)?;
    match (method, all.len()) {
        ("GET", 2) => Ok(()),
        other => Err(HandlerError::new(format!("{other:?}"))),
    }
}

#[spoe_message("grouped", group = "early", condition = "if { path /grouped }")]
fn grouped(#[arg(sample = "query")] query: Option<&[u8]>) -> Result<(), HandlerError> {
    judged(query)
}

#[spoe_message("first-bytes", group = "first")]
fn first_bytes(#[arg(sample = "req.len")] length: u64) -> Option<SetVar<bool>> {
    (length == 0).then(|| SetVar::session("empty", true))
}

#[spoe_message("connected")]
fn connected(#[arg(sample = "src")] ip: std::net::IpAddr) {
    let _ = ip;
}

#[spoe_message(
    "response",
    event = "on-http-response",
    condition = "if { status 200 201 }"
)]
fn response(#[arg(sample = "res.fhdr(x-judge)")] judge: Option<&[u8]>) -> Result<(), HandlerError> {
    judged(judge)
}

/// The body comes after the head, perhaps in a segment of its own.
#[spoe_message(
    "leak",
    event = "on-http-response",
    condition = "if { status 201 }",
    set = "txn.leak"
)]
fn leak(#[arg(sample = "res.body")] body: &[u8]) -> bool {
    body.ends_with(b"secret")
}

/// No rule of the frontend can ask for this one.
#[spoe_message("server", event = "on-server-session")]
fn server() {}

fn main() {
    spoa::run!(name = "answers")
}

#![deny(warnings)]

use spoa::handler::Definition;
use spoa::testing::{CallArgs, TestAgent};
use spoa::{prelude::*, State};
use std::borrow::Cow;

#[spoe_message("elided")]
fn elided(a: &str) -> SetVar<&str> {
    SetVar::session("a", a)
}

#[spoe_message("named")]
fn named<'x>(
    a: &'x str,
    b: Option<&'x [u8]>,
    c: Cow<'_, str>,
) -> (SetVar<&'x str>, Option<SetVar<&'x [u8]>>) {
    let _ = c;
    (SetVar::session("a", a), b.map(|b| SetVar::session("b", b)))
}

#[spoe_message("bounds")]
async fn bounds<'x: 'x, 'y>(a: &'y str, b: Request<'x>) -> Verdict<'x, 'y>
where
    'y: 'y,
{
    std::future::ready(()).await;
    Verdict { a, b: b.b }
}

#[spoe_message("result")]
#[allow(clippy::needless_lifetimes)]
async fn result<'r>(
    a: &'r str,
) -> Result<SetVar<&'r str>, Box<dyn std::error::Error + Send + Sync>> {
    Ok(SetVar::session("a", a))
}

#[spoe_message("state", set = "sess.a")]
fn state<'s>(state: State<'s, &'static str>, _x: &str) -> &'s str {
    state.0
}

#[derive(FromMessage)]
struct Request<'r> {
    b: &'r str,
}

#[derive(IntoActions)]
#[spoa(scope = "sess")]
struct Verdict<'a, 'b> {
    a: &'b str,
    b: &'a str,
}

fn call(handlers: &[&'static Definition], message: &str, args: &CallArgs<'_>) -> String {
    let agent = TestAgent::new(handlers.iter().copied());
    let answer = agent.call_blocking(message, args).unwrap();
    assert!(answer.failure().is_none(), "{:?}", answer.failure());
    answer
        .actions()
        .iter()
        .map(|action| format!("{};", action.as_action()))
        .collect()
}

pub fn main() {
    let all = handlers![elided, named, bounds, result];
    let args: &CallArgs<'_> = &[("a", &"1"), ("b", &"2"), ("c", &"3")];
    assert_eq!(call(&all, "elided", args), "set-var sess.a = \"1\";");
    assert_eq!(
        call(&all, "named", args),
        "set-var sess.a = \"1\";set-var sess.b = 0x32;"
    );
    assert_eq!(
        call(&all, "bounds", args),
        "set-var sess.a = \"1\";set-var sess.b = \"2\";"
    );
    assert_eq!(call(&all, "result", args), "set-var sess.a = \"1\";");
    let _ = handlers![state];
}

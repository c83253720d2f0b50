//! The types that a handler may return.

use super::call;
use spoa::prelude::*;
use std::net::Ipv6Addr;

#[test]
fn set_writes_the_value_that_is_returned() {
    #[spoe_message("value", set = "sess.a.b_1")]
    fn value(x: i64) -> i64 {
        x - 1
    }
    #[spoe_message("option", set = "txn.x")]
    async fn option(x: Option<&str>) -> Option<&str> {
        x
    }
    #[spoe_message("result", set = "req.x", blocking)]
    fn result(x: &str) -> Result<Option<u8>, std::num::ParseIntError> {
        x.parse().map(Some)
    }
    #[spoe_fallback(set = "res.x", crate = ::spoa)]
    fn fallback() -> Unset {
        Unset
    }
    assert_eq!(
        call(&handlers![value], &[("x", &-1)]),
        "set-var sess.a.b_1 = -2"
    );
    assert_eq!(
        call(&handlers![option], &[("x", &"y")]),
        "set-var txn.x = \"y\""
    );
    assert_eq!(call(&handlers![option], &[]), "");
    assert_eq!(
        call(&handlers![result], &[("x", &"7")]),
        "set-var req.x = 7"
    );
    assert_eq!(
        call(&handlers![result], &[("x", &"y")]),
        "invalid digit found in string"
    );
    assert_eq!(call(&handlers![fallback], &[]), "unset-var res.x");
}

#[test]
fn actions_of_every_shape_are_answered_in_order() {
    #[spoe_message("shapes")]
    fn shapes(x: u8) -> impl IntoActions {
        let list: Vec<SetVar<u8>> = (0..2).map(|n| SetVar::request("n", n)).collect();
        (
            SetVar::session("ip", Ipv6Addr::LOCALHOST),
            list,
            [UnsetVar::response("y")],
            (x > 0).then(|| Actions::new().with(SetVar::process("p", true))),
        )
    }
    assert_eq!(
        call(&handlers![shapes], &[("x", &1)]),
        "set-var sess.ip = ::1\nset-var req.n = 0\nset-var req.n = 1\nunset-var res.y\n\
         set-var proc.p = true"
    );
}

#[test]
fn a_result_can_borrow_from_the_arguments() {
    #[spoe_message("sync")]
    fn sync<'m: 'm>(a: &'m str, _b: Option<&'m [u8]>) -> Option<(SetVar<&'m str>, UnsetVar)> {
        Some((SetVar::session("a", a), UnsetVar::session("b")))
    }
    #[spoe_message("async")]
    async fn later<'a, 'b>(a: &'a str, b: &'b str) -> (SetVar<&'a str>, SetVar<&'b str>) {
        std::future::ready(()).await;
        (SetVar::session("a", a), SetVar::session("b", b))
    }
    assert_eq!(
        call(&handlers![sync], &[("a", &"1")]),
        "set-var sess.a = \"1\"\nunset-var sess.b"
    );
    let answer = call(&handlers![later], &[("a", &"1"), ("b", &"2")]);
    assert_eq!(answer, "set-var sess.a = \"1\"\nset-var sess.b = \"2\"");
}

#[test]
fn an_error_of_any_type_fails_the_message() {
    #[spoe_message("text")]
    fn text() -> Result<(), String> {
        Err("no database".to_owned())
    }
    #[spoe_message("boxed")]
    async fn boxed() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
        Err("no cache")?
    }
    #[spoe_message("own", blocking)]
    fn own(x: &str) -> Result<SetVar<u8>, HandlerError> {
        Ok(SetVar::session("x", x.parse()?))
    }
    assert_eq!(call(&handlers![text], &[]), "no database");
    assert_eq!(call(&handlers![boxed], &[]), "no cache");
    assert_eq!(
        call(&handlers![own], &[("x", &"y")]),
        "invalid digit found in string"
    );
}

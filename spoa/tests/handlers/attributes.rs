//! `#[arg(…)]`: other names, places, defaults.

use super::call;
use spoa::prelude::*;
use spoa::spop::Value;
use std::net::{IpAddr, Ipv4Addr};

#[test]
fn an_argument_is_taken_by_another_name() {
    #[spoe_message("named")]
    fn named(#[arg("client-ip")] ip: IpAddr, #[arg("a b\"c")] odd: u8) -> SetVar<IpAddr> {
        assert_eq!(odd, 1);
        SetVar::session("ip", ip)
    }
    let answer = call(
        &handlers![named],
        &[("client-ip", &Ipv4Addr::LOCALHOST), ("a b\"c", &1)],
    );
    assert_eq!(answer, "set-var sess.ip = 127.0.0.1");
}

#[test]
fn an_argument_is_taken_by_its_position() {
    #[spoe_message("placed")]
    fn placed(
        #[arg(index = 2)] third: &str,
        #[arg(index = 0)] first: u8,
        x: u8,
    ) -> [SetVar<u8>; 2] {
        assert_eq!(third, "c");
        [SetVar::session("first", first), SetVar::session("x", x)]
    }
    // A named one can be taken by its place, too, and by both.
    let answer = call(&handlers![placed], &[("x", &1), ("", &2), ("y", &"c")]);
    assert_eq!(answer, "set-var sess.first = 1\nset-var sess.x = 1");
}

#[test]
fn a_default_replaces_a_missing_argument_and_null() {
    #[spoe_message("defaults")]
    fn defaults(
        #[arg(default)] port: u16,
        #[arg(default = "GET")] method: &str,
        #[arg("x-y", default = 2 + 3)] xy: i64,
        #[arg(index = 9, default = Ipv4Addr::LOCALHOST)] ip: Ipv4Addr,
        #[arg(default = vec![1, 2])] list: Vec<u8>,
    ) -> SetVar<String> {
        SetVar::session("shown", format!("{port} {method} {xy} {ip} {list:?}"))
    }
    let expected = "set-var sess.shown = \"0 GET 5 127.0.0.1 [1, 2]\"";
    assert_eq!(call(&handlers![defaults], &[]), expected);
    assert_eq!(
        call(
            &handlers![defaults],
            &[("port", &Value::Null), ("x-y", &Value::Null)]
        ),
        expected
    );
    let answer = call(
        &handlers![defaults],
        &[("port", &80), ("method", &"PUT"), ("x-y", &1)],
    );
    assert_eq!(answer, "set-var sess.shown = \"80 PUT 1 127.0.0.1 [1, 2]\"");
}

#[test]
fn a_default_does_not_replace_a_value_that_does_not_convert() {
    #[spoe_message("strict")]
    fn strict(#[arg(default = 80)] port: u16) -> SetVar<u16> {
        SetVar::session("port", port)
    }
    let answer = call(&handlers![strict], &[("port", &70_000)]);
    assert!(answer.contains("out of range"), "{answer}");
}

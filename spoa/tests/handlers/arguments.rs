//! Every type a parameter can have.

use super::{call, call_on};
use bytes::Bytes;
use spoa::agent::Agent;
use spoa::handler::{AsValue, Expected};
use spoa::prelude::*;
use spoa::spop::{Args, Message, Value};
use spoa::testing::CallArgs;
use spoa::{Context, State};
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::atomic::{AtomicUsize, Ordering};

fn shown(text: impl Into<String>) -> SetVar<String> {
    SetVar::transaction("shown", text.into())
}

#[test]
fn each_argument_is_taken_by_the_name_of_its_parameter() {
    #[spoe_message("all")]
    #[allow(clippy::too_many_arguments)]
    fn all(
        flag: bool,
        small: i8,
        port: u16,
        wide: u64,
        text: &str,
        owned: String,
        cow: Cow<'_, str>,
        body: &[u8],
        vec: Vec<u8>,
        bytes: Bytes,
        value: Value<'_>,
    ) -> SetVar<String> {
        shown(format!(
            "{flag} {small} {port} {wide} {text} {owned} {cow} {body:?} {vec:?} {bytes:?} {value}"
        ))
    }
    // In another order than the parameters, and with one that nobody takes.
    let answer = call(
        &handlers![all],
        &[
            ("value", &-7i64),
            ("unknown", &1),
            ("bytes", &&b"d"[..]),
            ("vec", &"c"),
            ("body", &&[0xffu8][..]),
            ("cow", &"w"),
            ("owned", &&b"o"[..]),
            ("text", &"t"),
            ("wide", &u64::MAX),
            ("port", &443i64),
            ("small", &-5i64),
            ("flag", &true),
        ],
    );
    let expected = r#"true -5 443 18446744073709551615 t o w [255] [99] b\"d\" -7"#;
    assert_eq!(answer, format!("set-var txn.shown = \"{expected}\""));
}

#[test]
fn addresses_are_read_from_addresses_and_from_text() {
    #[spoe_message("addresses")]
    fn addresses(a: IpAddr, b: Ipv4Addr, c: Ipv6Addr) -> SetVar<String> {
        shown(format!("{a} {b} {c}"))
    }
    let answer = call(
        &handlers![addresses],
        &[
            ("a", &"::1"),
            ("b", &Ipv4Addr::LOCALHOST),
            ("c", &"2001:db8::7"),
        ],
    );
    assert_eq!(answer, "set-var txn.shown = \"::1 127.0.0.1 2001:db8::7\"");
}

#[test]
fn null_and_absent_arguments_make_an_empty_option() {
    #[spoe_message("options")]
    fn options(null: Option<u8>, absent: Option<&str>, present: Option<&str>) -> SetVar<String> {
        shown(format!("{null:?} {absent:?} {present:?}"))
    }
    let answer = call(
        &handlers![options],
        &[("null", &Value::Null), ("present", &"p")],
    );
    assert_eq!(answer, r#"set-var txn.shown = "None None Some(\"p\")""#);
}

#[test]
fn the_first_argument_of_a_name_wins_in_any_order() {
    #[spoe_message("first")]
    fn first(x: u8, y: u8, #[arg(default = 9)] z: u8) -> SetVar<u32> {
        let [x, y, z] = [x, y, z].map(u32::from);
        SetVar::session("xyz", 100 * x + 10 * y + z)
    }
    let first = handlers![first];
    for (args, expected) in [
        (&[("x", 1), ("y", 2), ("z", 3)][..], 123),
        (&[("x", 1), ("x", 2), ("y", 3), ("y", 4)], 139),
        (&[("y", 1), ("x", 2), ("y", 3), ("z", 4)], 214),
        (&[("a", 1), ("x", 2), ("b", 3), ("y", 4), ("z", 5)], 245),
        (&[("z", 1), ("y", 2), ("x", 3), ("z", 4)], 321),
        (&[("x", 1), ("z", 2), ("y", 3), ("z", 4), ("x", 5)], 132),
    ] {
        let args: Vec<_> = args
            .iter()
            .map(|(name, value)| (*name, value as &dyn AsValue))
            .collect();
        let expected = format!("set-var sess.xyz = {expected}");
        assert_eq!(call(&first, &args), expected);
    }
}

#[test]
fn a_raw_identifier_names_the_argument_without_the_prefix_r() {
    #[spoe_message("raw")]
    fn r#match(r#type: &str, mut r#mod: u8) -> SetVar<String> {
        r#mod += 1;
        shown(format!("{type} {mod}", r#type = r#type, r#mod = r#mod))
    }
    let answer = call(&handlers![r#match], &[("type", &"t"), ("mod", &1)]);
    assert_eq!(answer, "set-var txn.shown = \"t 2\"");
}

#[test]
fn a_handler_can_take_the_message_and_its_arguments() {
    #[spoe_message("whole")]
    fn whole(
        message: Message<'_>,
        args: Args<'_>,
        context: Context<'_>,
        x: u8,
        _: Message<'_>,
    ) -> SetVar<String> {
        let places: Vec<_> = args
            .iter()
            .map(|arg| format!("{}={}", arg.name, arg.value))
            .collect();
        let at = message.at(1).unwrap();
        shown(format!(
            "{} {} {x} {at} {places:?}",
            message.name(),
            context.agent_name()
        ))
    }
    let answer = call(&handlers![whole], &[("x", &1), ("", &2)]);
    assert_eq!(
        answer,
        r#"set-var txn.shown = "whole spoa 1 2 [\"x=1\", \"=2\"]""#
    );
}

#[test]
fn a_state_is_found_by_its_type() {
    #[spoe_message("state")]
    fn state(State(words): State<'_, Vec<String>>, limit: State<'_, u64>) -> SetVar<String> {
        shown(format!("{} {}", words.join("+"), *limit))
    }
    let words = vec!["a".to_owned(), "b".to_owned()];
    let builder = Agent::builder().state(words).state(7u64);
    assert_eq!(
        call_on(builder, &handlers![state], &[]),
        "set-var txn.shown = \"a+b 7\""
    );
}

#[test]
fn text_is_parsed_by_from_str() {
    #[spoe_message("ratio")]
    fn ratio(Parse(ratio): Parse<f64>, other: Option<Parse<u128>>) -> SetVar<String> {
        shown(format!("{ratio} {}", other.is_none()))
    }
    let answer = call(&handlers![ratio], &[("ratio", &"0.5")]);
    assert_eq!(answer, "set-var txn.shown = \"0.5 true\"");
}

#[test]
fn async_and_blocking_handlers_take_the_same_parameters() {
    #[spoe_message("later")]
    async fn later<'a>(path: Text<'a>, context: Context<'_>, body: &[u8]) -> SetVar<Text<'a>> {
        tokio::task::yield_now().await;
        let _ = (context.stream_id(), body.len());
        SetVar::transaction("path", path)
    }
    #[spoe_message("slow", blocking, timeout = "5s")]
    fn slow<'a>(path: Text<'a>, body: &[u8]) -> SetVar<Text<'a>> {
        let _ = body.len();
        SetVar::transaction("path", path)
    }
    for handlers in [&handlers![later, slow], &handlers![slow, later]] {
        let answer = call(handlers, &[("path", &"/x"), ("body", &"b")]);
        assert_eq!(answer, "set-var txn.path = \"/x\"");
    }
}

#[test]
fn a_leading_underscore_of_a_parameter_is_not_part_of_the_argument_name() {
    #[spoe_message("unused")]
    fn unused(_id: u8, #[arg("_raw")] _raw: Option<u8>) {}
    assert_eq!(call(&handlers![unused], &[("id", &1)]), "");
    let answer = call(&handlers![unused], &[("_id", &1)]);
    assert!(answer.contains("has no argument `id`"), "{answer}");
}

#[test]
fn the_fallback_takes_messages_without_a_handler() {
    #[spoe_fallback]
    fn rest(message: Message<'_>, x: Option<u8>) -> SetVar<String> {
        shown(format!("{} {x:?}", message.name()))
    }
    assert_eq!(
        call(&handlers![rest], &[]),
        "set-var txn.shown = \"anything None\""
    );
}

#[test]
fn a_handler_can_be_called_as_a_function() {
    #[spoe_message("plain")]
    fn plain(#[arg("other", default)] x: u8) -> SetVar<u8> {
        SetVar::session("x", x)
    }
    assert_eq!(plain(3).value(), &3);
}

#[test]
fn of_two_arguments_of_one_name_the_first_counts_even_if_it_is_refused() {
    #[spoe_message("small")]
    fn small(a: u8) -> SetVar<u8> {
        SetVar::transaction("a", a)
    }
    #[spoe_message("defaulted")]
    fn defaulted(#[arg(default = 1)] a: u8) -> SetVar<u8> {
        SetVar::transaction("a", a)
    }
    for handlers in [&handlers![small], &handlers![defaulted]] {
        // Of the type that most likely comes, of another, and out of order.
        let cases: [&CallArgs<'_>; 3] = [
            &[("a", &300_i64), ("a", &7_i64)],
            &[("a", &300_i32), ("a", &7_i64)],
            &[("x", &1_i64), ("a", &300_i64), ("a", &7_i64)],
        ];
        for args in cases {
            let answer = call(handlers, args);
            assert!(answer.contains("out of range"), "{answer}");
            assert!(answer.contains("argument `a`"), "{answer}");
        }
    }
}

#[test]
fn a_value_that_is_refused_is_converted_once() {
    static CONVERTED: AtomicUsize = AtomicUsize::new(0);
    struct Counted;
    impl FromValue<'_> for Counted {
        const EXPECTED: Expected = Expected::Text;
        fn from_value(_: Value<'_>) -> Result<Self, Mismatch> {
            CONVERTED.fetch_add(1, Ordering::Relaxed);
            Err(Mismatch::Other("refused".into()))
        }
    }
    #[spoe_message("counted")]
    fn counted(a: Counted) {
        let Counted = a;
    }
    #[spoe_message("defaulted")]
    fn defaulted(#[arg(default = Counted)] a: Counted) {
        let Counted = a;
    }
    for handlers in [&handlers![counted], &handlers![defaulted]] {
        let cases: [&CallArgs<'_>; 4] = [
            &[("a", &"abc")],
            &[("a", &"abc"), ("a", &"xy")],
            &[("a", &b"abc".as_slice())],
            &[("x", &1_i64), ("a", &"abc")],
        ];
        for args in cases {
            CONVERTED.store(0, Ordering::Relaxed);
            let answer = call(handlers, args);
            assert!(answer.contains("refused"), "{answer}");
            assert_eq!(CONVERTED.load(Ordering::Relaxed), 1, "{answer}");
        }
    }
}

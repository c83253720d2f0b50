//! Every type an agent can set a variable to, and what HAProxy makes of it.

use std::net::{Ipv4Addr, Ipv6Addr};

use spoa::prelude::*;
use spoa::spop::Value;
use spoa_tests::{Background, Config, Message, for_each_haproxy};

/// Names, values as they go on the wire, and what HAProxy says of them.
const TYPES: [(&str, Value<'static>, &str); 26] = [
    ("yes", Value::Bool(true), "bool <1>"),
    ("no", Value::Bool(false), "bool <0>"),
    ("i32", Value::Int32(-5), "sint <-5>"),
    ("i32_min", Value::Int32(i32::MIN), "sint <-2147483648>"),
    ("i32_max", Value::Int32(i32::MAX), "sint <2147483647>"),
    ("u32", Value::Uint32(7), "sint <7>"),
    ("u32_max", Value::Uint32(u32::MAX), "sint <4294967295>"),
    ("i64", Value::Int64(-1), "sint <-1>"),
    (
        "i64_min",
        Value::Int64(i64::MIN),
        "sint <-9223372036854775808>",
    ),
    (
        "i64_max",
        Value::Int64(i64::MAX),
        "sint <9223372036854775807>",
    ),
    ("u64", Value::Uint64(239), "sint <239>"),
    // HAProxy's integers are signed.
    (
        "u64_high",
        Value::Uint64(1 << 63),
        "sint <-9223372036854775808>",
    ),
    ("u64_max", Value::Uint64(u64::MAX), "sint <-1>"),
    // Where the coding of integers gets a byte longer.
    ("b240", Value::Int64(240), "sint <240>"),
    ("b2287", Value::Int64(2287), "sint <2287>"),
    ("b2288", Value::Int64(2288), "sint <2288>"),
    ("b264432", Value::Int64(264_432), "sint <264432>"),
    ("b33818864", Value::Int64(33_818_864), "sint <33818864>"),
    (
        "b4328786160",
        Value::Int64(4_328_786_160),
        "sint <4328786160>",
    ),
    (
        "v4",
        Value::Ipv4(Ipv4Addr::new(192, 0, 2, 7)),
        "ipv4 <192.0.2.7>",
    ),
    (
        "v6",
        Value::Ipv6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7)),
        "ipv6 <2001:db8::7>",
    ),
    ("text", Value::String(b"two words"), "str <two words>"),
    ("no_text", Value::String(b""), "str <>"),
    ("digits", Value::String(b"42"), "str <42>"),
    ("bytes", Value::Binary(b"A\x01\xff\x00"), "bin <A..>"),
    ("no_bytes", Value::Binary(b""), "bin <>"),
];

#[spoe_message("all-types")]
fn all_types() -> Vec<SetVar<Value<'static>>> {
    TYPES
        .map(|(name, value, _)| SetVar::transaction(name, value))
        .into()
}

fn var(name: &str) -> String {
    format!("txn.iprep.{name}")
}

#[test]
fn every_type_arrives_as_haproxys_own() {
    let agent = Background::agent(|agent| agent.handlers(handlers![all_types]));
    for_each_haproxy(|haproxy| {
        let names = TYPES.map(|(name, ..)| var(name));
        let proxy = Config::new(agent.addr())
            .message(Message::new("all-types"))
            .typed_vars(names.iter().map(String::as_str))
            .read("bytes", "var(txn.iprep.bytes),hex")
            .start(haproxy);
        assert_eq!(proxy.get("/").header("bytes"), Some("4101FF00"));
        for (name, _, expected) in TYPES {
            assert_eq!(proxy.typed(&var(name)), expected, "{name}");
        }
    });
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct RustTypes {
    narrow: i8,
    port: u16,
    count: usize,
    text: String,
    bytes: Vec<u8>,
}

#[spoe_message("rust-types")]
fn rust_types() -> RustTypes {
    let text = "é".to_owned();
    RustTypes {
        narrow: -128,
        port: 443,
        count: 5,
        text,
        bytes: vec![0xde, 0xad],
    }
}

#[test]
fn rules_can_match_the_variables_of_rust_types() {
    let agent = Background::agent(|agent| agent.handlers(handlers![rust_types]));
    for_each_haproxy(|haproxy| {
        let all = [
            "var(txn.iprep.narrow) -m int lt -127",
            "var(txn.iprep.port) -m int 443",
            "var(txn.iprep.count),add(1) -m int 6",
            "var(txn.iprep.text) -m str é",
            "var(txn.iprep.text),length -m int 2",
            "var(txn.iprep.bytes) -m bin dead",
        ];
        let rules = all.map(|rule| format!("{{ {rule} }}")).join(" ");
        let proxy = Config::new(agent.addr())
            .message(Message::new("rust-types"))
            .frontend(&format!("http-request deny if {rules}"))
            .start(haproxy);
        assert_eq!(proxy.get("/").status, 403);
    });
}

#[spoe_message("set")]
fn set() -> SetVar<&'static str> {
    SetVar::transaction("known", "here")
}

#[spoe_message("null")]
fn null() -> SetVar<Value<'static>> {
    SetVar::transaction("known", Value::Null)
}

#[test]
fn null_unsets_a_variable() {
    let agent = Background::agent(|agent| agent.handlers(handlers![set, null]));
    for_each_haproxy(|haproxy| {
        let proxy = Config::new(agent.addr())
            .message(Message::new("set").event("on-frontend-tcp-request"))
            .message(Message::new("null").event("on-frontend-http-request"))
            .frontend("tcp-request content set-var(txn.before) var(txn.iprep.known)")
            .vars(["txn.before", "txn.iprep.known"])
            .start(haproxy);
        let reply = proxy.get("/");
        assert_eq!(reply.var("txn.before"), Some("here"));
        assert_eq!(reply.var("txn.iprep.known"), None);
    });
}

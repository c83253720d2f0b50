//! Types that implement the traits of arguments and results by hand are described as derived ones are.

mod common;

use common::said;
use serde_json::{Value, json};
use std::process::Command;

fn agent() -> Command {
    Command::new(env!("CARGO_BIN_EXE_agent-hand-written-traits"))
}

#[test]
fn handlers_as_json_include_hand_written_types() {
    let listed: Value =
        serde_json::from_str(&said(agent().args(["handlers", "--json"])).out).unwrap();
    let handler = &listed["messages"][0];
    let of = |argument: &Value| {
        let of = |key: &str| argument[key].clone();
        json!([
            of("name"),
            of("type"),
            of("expected"),
            of("required"),
            of("sample")
        ])
    };
    let arguments: Vec<_> = handler["arguments"]
        .as_array()
        .unwrap()
        .iter()
        .map(of)
        .collect();
    assert_eq!(
        arguments,
        [
            json!([
                "forwarded",
                "Result<IpAddr, Mismatch>",
                "an IP address",
                false,
                "req.hdr(x-forwarded-for)"
            ]),
            json!(["src", "IpAddr", "an IP address", true, "src"]),
            json!([
                "country-of-proxy",
                "Option<Country>",
                "a country code",
                false,
                null
            ]),
            json!(["country", "Country", "a country code", true, null]),
            json!(["plain", "Plain", "any value", true, null]),
            json!(["bytes", "Vec2", "any value", true, null]),
        ],
        "{handler:#}"
    );
    let variables: Vec<_> = handler["variables"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].clone())
        .collect();
    assert_eq!(variables, ["yes", "no"], "{handler:#}");
}

#[test]
fn config_writes_the_arguments_of_hand_written_types() {
    let written = said(agent().args(["config", "--part", "spoe"])).out;
    assert!(
        written.contains("forwarded=req.hdr(x-forwarded-for)"),
        "{written}"
    );
    assert!(written.contains("src=src"), "{written}");
}

//! The text about a message that does not fit, word by word: its reader has only the log.

use super::call;
use spoa::handler::AsValue;
use spoa::prelude::*;
use spoa::spop::Value;
use std::net::IpAddr;

#[spoe_message("get-ip-reputation")]
fn by_name(client_ip: IpAddr, port: Option<u8>) -> SetVar<u8> {
    let _ = client_ip;
    SetVar::session("port", port.unwrap_or_default())
}

#[spoe_message("placed")]
fn by_place(#[arg(index = 1)] path: &str) -> SetVar<usize> {
    SetVar::session("len", path.len())
}

#[spoe_message("of-a-header")]
fn of_a_header(#[arg(sample = "req.hdr(x-ip)", reject)] ip: IpAddr) {
    let _ = ip;
}

#[test]
fn a_rejection_suggests_the_sample_that_the_handler_declares() {
    let missing = call(&handlers![of_a_header], &[]);
    assert!(
        missing.ends_with("write `args ip=req.hdr(x-ip)`, or take `Option<IpAddr>`"),
        "{missing}"
    );
    let mismatch = call(&handlers![of_a_header], &[("ip", &1)]);
    assert!(
        mismatch.ends_with("of spoe.conf write `args ip=req.hdr(x-ip)`"),
        "{mismatch}"
    );
    let null = call(&handlers![of_a_header], &[("ip", &Value::Null)]);
    assert_eq!(
        null,
        "argument `ip` of message `of-a-header` is NULL: HAProxy had no value for `req.hdr(x-ip)`; \
         take `Option<IpAddr>` or give a default with `#[arg(default = …)]`"
    );
}

#[test]
fn a_missing_argument_says_what_was_sent() {
    assert_eq!(
        call(&handlers![by_name], &[("", &1), ("port", &1)]),
        "message `get-ip-reputation` has no argument `client_ip`, which should be an IP address; \
         HAProxy sent (unnamed), `port`; in `spoe-message get-ip-reputation` of spoe.conf write \
         `args client_ip=src`, or take `Option<IpAddr>`"
    );
    assert_eq!(
        call(&handlers![by_place], &[]),
        "message `placed` has no argument number 1 (counting from 0), which should be UTF-8 text; \
         HAProxy sent no arguments; add it to `args` in `spoe-message placed` of spoe.conf, or take \
         `Option<&str>`"
    );
}

#[test]
fn a_name_that_no_parameter_can_have_is_suggested_as_an_attribute() {
    assert_eq!(
        call(&handlers![by_name], &[("client-ip", &"::1")]),
        "message `get-ip-reputation` has no argument `client_ip`, which should be an IP address; \
         HAProxy sent `client-ip`; to take `client-ip` write `#[arg(\"client-ip\")]` before the \
         parameter"
    );
    #[spoe_message("unused")]
    fn unused(_path: Text<'_>) {}
    let answer = call(&handlers![unused], &[("Path", &"/")]);
    assert!(
        answer.ends_with("to take `Path` write `#[arg(\"Path\")]` before the parameter"),
        "{answer}"
    );
}

#[test]
fn null_suggests_an_option_or_a_default() {
    assert_eq!(
        call(&handlers![by_name], &[("client_ip", &Value::Null)]),
        "argument `client_ip` of message `get-ip-reputation` is NULL: HAProxy had no sample for it; \
         take `Option<IpAddr>` or give a default with `#[arg(default = …)]`"
    );
}

#[test]
fn a_value_of_another_type_names_both_types() {
    assert_eq!(
        call(&handlers![by_name], &[("client_ip", &1)]),
        "argument `client_ip` of message `get-ip-reputation` should be an IP address, but HAProxy \
         sent INT32; in `spoe-message get-ip-reputation` of spoe.conf write `args client_ip=src`"
    );
    assert_eq!(
        call(&handlers![by_place], &[("", &1), ("", &true)]),
        "argument number 1 (counting from 0) of message `placed` should be UTF-8 text, but HAProxy \
         sent BOOL"
    );
}

#[test]
fn a_value_that_does_not_fit_suggests_another_type() {
    assert_eq!(
        call(
            &handlers![by_name],
            &[("client_ip", &"::1"), ("port", &443)]
        ),
        "argument `port` of message `get-ip-reputation` should be an integer from 0 to 255, but the \
         INT32 that HAProxy sent is out of range; take `Option<i64>`"
    );
    assert_eq!(
        call(
            &handlers![by_place],
            &[("", &1), ("", &Value::String(&[0xff]))]
        ),
        "argument number 1 (counting from 0) of message `placed` should be UTF-8 text, but the \
         STRING that HAProxy sent is not UTF-8; take `Text<'_>` or `&[u8]`"
    );
}

#[derive(FromValue)]
struct Percent(u8);

#[spoe_message("integers")]
fn integers(
    flag: Option<bool>,
    unsigned: Option<u64>,
    signed: Option<i64>,
    #[arg(default = 0)] small: u8,
    percent: Option<Percent>,
) {
    let _ = (flag, unsigned, signed, small, percent.map(|it| it.0));
}

#[test]
fn a_type_is_suggested_only_if_it_takes_the_value() {
    let advice = |name: &str, value: &dyn AsValue| {
        let text = call(&handlers![integers], &[(name, value)]);
        let (_, advice) = text.split_once("is out of range").expect(&text);
        advice.to_owned()
    };
    assert_eq!(advice("flag", &2), "; take `Option<i64>`");
    assert_eq!(advice("unsigned", &-1), "; take `Option<i64>`");
    assert_eq!(advice("signed", &u64::MAX), "; take `Option<u64>`");
    assert_eq!(advice("small", &256), "; take `i64`");
    assert_eq!(advice("small", &u64::MAX), "; take `u64`");
    // The reason for the limits of such a type is unknown here.
    assert_eq!(advice("percent", &256), "");
}

#[test]
fn text_that_a_client_chose_is_not_the_fault_of_spoe_conf() {
    let text = call(&handlers![of_a_header], &[("ip", &"zz")]);
    assert_eq!(
        text,
        "argument `ip` of message `of-a-header` should be an IP address, but the STRING that HAProxy \
         sent does not read as one; if a client chooses it, take `Result<IpAddr, Mismatch>` or `&[u8]`"
    );
    #[spoe_message("families")]
    fn families(ip: Option<std::net::Ipv4Addr>) {
        let _ = ip;
    }
    let text = call(
        &handlers![families],
        &[("ip", &std::net::Ipv6Addr::LOCALHOST)],
    );
    assert!(
        text.ends_with("but HAProxy sent IPV6; take `Option<IpAddr>`"),
        "{text}"
    );
}

#[test]
fn an_async_handler_rejects_with_the_same_text() {
    #[spoe_message("later")]
    async fn later(port: u8) -> SetVar<u8> {
        SetVar::session("port", port)
    }
    let answer = call(&handlers![later], &[]);
    assert!(
        answer.starts_with("message `later` has no argument `port`"),
        "{answer}"
    );
}

#[test]
fn a_number_in_text_suggests_parse() {
    #[spoe_message("numbers")]
    fn numbers(port: u16, #[arg(index = 1)] flag: bool) {
        let _ = (port, flag);
    }
    assert_eq!(
        call(&handlers![numbers], &[("port", &"443"), ("", &true)]),
        "argument `port` of message `numbers` should be an integer from 0 to 65535, but HAProxy sent \
         STRING; take `Parse<u16>` to read it from text; or in `spoe-message numbers` of spoe.conf \
         give `port=…` another sample fetch"
    );
    #[spoe_message("optional")]
    fn optional(port: Option<u16>) {
        let _ = port;
    }
    let answer = call(&handlers![optional], &[("port", &"443")]);
    assert!(
        answer.contains("; take `Option<Parse<u16>>` to read it from text"),
        "{answer}"
    );
    let answer = call(&handlers![numbers], &[("port", &443), ("", &"true")]);
    assert!(
        answer.contains("; take `Parse<bool>` to read it from text"),
        "{answer}"
    );
}

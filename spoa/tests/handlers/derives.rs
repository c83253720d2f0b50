//! The derives.

use super::call;
use spoa::prelude::*;
use std::net::IpAddr;

#[derive(FromMessage, Debug)]
struct Request<'a> {
    #[spoa(reject)]
    method: Method,
    path: Text<'a>,
    #[spoa("user-agent")]
    agent: Option<Text<'a>>,
    #[spoa(index = 0, default)]
    first: u8,
    client: Client,
    user: UserId,
}

/// Nested: made from the same message.
#[derive(FromMessage, Debug)]
struct Client {
    ip: IpAddr,
    #[spoa(default = 443)]
    port: u16,
}

#[derive(FromValue, Debug, Clone, Copy, PartialEq)]
enum Method {
    #[spoa("GET")]
    Get,
    Post,
    LongName,
}

#[derive(FromValue, Debug)]
struct UserId(u64);

#[test]
fn a_struct_takes_the_arguments_of_its_fields() {
    #[spoe_message("request")]
    fn request(request: Request<'_>, path: Text<'_>) -> SetVar<String> {
        assert_eq!(path, request.path);
        let Request {
            method,
            path,
            agent,
            first,
            client,
            user,
        } = request;
        let Client { ip, port } = client;
        let user = user.0;
        SetVar::session(
            "s",
            format!("{method:?} {path} {agent:?} {first} {ip} {port} {user}"),
        )
    }
    let args: &spoa::testing::CallArgs<'_> = &[
        ("", &9),
        ("method", &"GET"),
        ("path", &"/"),
        ("ip", &"::1"),
        ("user", &7),
    ];
    assert_eq!(
        call(&handlers![request], args),
        "set-var sess.s = \"Get / None 9 ::1 443 7\""
    );
    let answer = call(
        &handlers![request],
        &[("", &9), ("method", &"GET"), ("path", &"/"), ("user", &7)],
    );
    assert!(
        answer.starts_with("message `request` has no argument `ip`"),
        "{answer}"
    );
}

#[test]
fn a_parameter_can_destructure_a_struct() {
    #[derive(FromMessage)]
    struct Pair(#[spoa("a")] u8, #[spoa(index = 1)] u8);

    #[spoe_message("apart")]
    fn apart(Client { ip, .. }: Client, Pair(a, b): Pair) -> SetVar<String> {
        SetVar::session("s", format!("{ip} {a} {b}"))
    }
    let answer = call(&handlers![apart], &[("ip", &"::1"), ("b", &2), ("a", &1)]);
    assert_eq!(answer, "set-var sess.s = \"::1 1 2\"");
}

#[test]
fn an_enum_takes_the_texts_of_its_variants() {
    #[spoe_message("method")]
    fn method(
        #[arg(reject)] method: Method,
        #[arg(default = Method::Get)] other: Method,
    ) -> SetVar<bool> {
        SetVar::session("same", method == other)
    }
    let call = |text: &str| call(&handlers![method], &[("method", &text)]);
    assert_eq!(call("GET"), "set-var sess.same = true");
    assert_eq!(call("post"), "set-var sess.same = false");
    assert_eq!(call("long-name"), "set-var sess.same = false");
    assert_eq!(
        call("get"),
        "argument `method` of message `method` should be `GET`, `post` or `long-name`, but the \
         STRING that HAProxy sent does not read as one; if a client chooses it, take `Result<Method, Mismatch>` or `&[u8]`"
    );
}

#[test]
fn an_attribute_names_the_text_of_a_variant() {
    #[derive(FromValue)]
    enum Tier {
        #[spoa("VIP")]
        Vip,
        Free,
    }
    #[spoe_message("tier", set = "txn.vip")]
    fn tier(tier: Tier) -> bool {
        match tier {
            Tier::Vip => true,
            Tier::Free => false,
        }
    }
    let call = |text: &str| call(&handlers![tier], &[("tier", &text)]);
    assert_eq!(call("VIP"), "set-var txn.vip = true");
    assert_eq!(call("free"), "set-var txn.vip = false");
}

#[test]
fn a_newtype_converts_as_its_field_does() {
    #[derive(FromValue)]
    struct Agent<'a> {
        name: Option<&'a str>,
    }
    #[derive(FromValue)]
    struct Wrap<T>(T);

    #[spoe_message("newtype")]
    fn newtype(a: Agent<'_>, b: Wrap<UserId>, c: Option<UserId>) -> SetVar<String> {
        SetVar::session("s", format!("{:?} {:?} {:?}", a.name, b.0, c))
    }
    assert_eq!(
        call(&handlers![newtype], &[("b", &7)]),
        "set-var sess.s = \"None UserId(7) None\""
    );
    assert_eq!(
        call(&handlers![newtype], &[("b", &-7)]),
        "argument `b` of message `newtype` should be an integer from 0 to 18446744073709551615, but \
         the INT32 that HAProxy sent is out of range"
    );
}

#[derive(IntoActions)]
#[spoa(scope = "txn")]
struct Verdict<'a> {
    score: u8,
    #[spoa("why", scope = "sess")]
    reason: Option<&'a str>,
    old: Unset,
    r#type: Result<bool, std::num::ParseIntError>,
    #[spoa(flatten)]
    more: (Counted<u64>, Option<UnsetVar>),
}

#[derive(IntoActions)]
struct Counted<T>(#[spoa("count", scope = "proc")] T);

#[test]
fn a_struct_sets_a_variable_for_each_field() {
    #[spoe_message("verdict")]
    fn verdict<'a>(reason: Option<&'a str>, number: &str) -> Verdict<'a> {
        Verdict {
            score: 20,
            reason,
            old: Unset,
            r#type: number.parse().map(|number: u8| number > 0),
            more: (Counted(3), Some(UnsetVar::request("flag"))),
        }
    }
    assert_eq!(
        call(&handlers![verdict], &[("reason", &"bot"), ("number", &"1")]),
        "set-var txn.score = 20\nset-var sess.why = \"bot\"\nunset-var txn.old\n\
         set-var txn.type = true\nset-var proc.count = 3\nunset-var req.flag"
    );
    assert!(!call(&handlers![verdict], &[("number", &"1")]).contains("why"));
    assert_eq!(
        call(&handlers![verdict], &[("number", &"x")]),
        "invalid digit found in string"
    );
}

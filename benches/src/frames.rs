//! The frames HAProxy would send to the handlers.

use spoa::spop::{Flags, FrameType, NotifyWriter, Value, varint};
use spoa_test_support::frame;
use std::sync::LazyLock;

/// One message: its name and its arguments.
pub type Message = (&'static str, Vec<(&'static str, Value<'static>)>);

const CLIENT: Value<'static> = Value::Ipv4(std::net::Ipv4Addr::new(192, 0, 2, 7));
const SERVER: Value<'static> = Value::Ipv4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const USER_AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0";
static BODY: [u8; 8 << 10] = [b'x'; 8 << 10];

/// The block of 20 headers, 1.5 KiB, of a browser's request, as `req.hdrs_bin` gives it.
static HEADERS: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut block = Vec::new();
    let headers = include_str!("../headers.txt").lines();
    let headers = headers.map(|line| line.split_once(": ").expect("`name: value`"));
    for text in headers.flat_map(|(name, value)| [name, value]) {
        varint::encode(text.len() as u64, &mut block);
        block.extend_from_slice(text.as_bytes());
    }
    block.extend_from_slice(&[0, 0]);
    block
});

/// Returns the block of 20 headers, 1.5 KiB, of a browser's request, as `req.hdrs_bin` gives it.
#[must_use]
pub fn headers() -> &'static [u8] {
    &HEADERS
}

/// Returns the messages of a NOTIFY, by the name of the case.
///
/// # Panics
/// If there is no such case.
#[must_use]
pub fn messages(case: &str) -> Vec<Message> {
    let address = |name| (name, vec![("ip", CLIENT)]);
    let request = || {
        let arguments = vec![
            ("method", "GET".into()),
            ("path", "/index.html".into()),
            ("host", "www.example.com".into()),
        ];
        ("check-request", arguments)
    };
    match case {
        "address" => vec![address("get-ip-reputation")],
        "strings" => vec![request()],
        "three-messages" => vec![address("get-ip-reputation"), request(), request()],
        "three-addresses" => vec![address("get-ip-reputation"); 3],
        "one-of-ten" => {
            let mut arguments = vec![("ip", CLIENT)];
            arguments.extend(ten().into_iter().skip(1));
            vec![("get-ip-reputation", arguments)]
        }
        "async-ready" => vec![address("async-ready")],
        "body-8k" => vec![("check-body", vec![("body", Value::Binary(&BODY))])],
        "inspect" | "ignore" => {
            let name = if case == "inspect" {
                "inspect"
            } else {
                "ignore"
            };
            vec![(name, vec![("headers", Value::Binary(headers()))])]
        }
        "judge" => vec![("judge", twelve())],
        "ten-arguments" => vec![("ten-arguments", ten())],
        other => panic!("there is no case `{other}`"),
    }
}

/// Arguments of several types, as HAProxy sends them.
fn ten() -> Vec<(&'static str, Value<'static>)> {
    vec![
        ("src", CLIENT),
        ("src_port", Value::Int64(40000)),
        ("dst", SERVER),
        ("dst_port", Value::Int64(443)),
        ("ssl", Value::Bool(true)),
        ("method", "GET".into()),
        ("path", "/index.html".into()),
        ("query", Value::Null),
        ("host", "www.example.com".into()),
        ("ua", "Mozilla/5.0 (X11; Linux x86_64)".into()),
    ]
}

/// The arguments of a decision about a request of a browser.
fn twelve() -> Vec<(&'static str, Value<'static>)> {
    vec![
        ("src", CLIENT),
        ("src_port", Value::Int64(40000)),
        ("dst_port", Value::Int64(443)),
        ("tls", Value::Bool(true)),
        (
            "id",
            "C0000207:9C40_C0000201:01BB_67452301_0001:0001".into(),
        ),
        ("method", "GET".into()),
        ("version", "1.1".into()),
        ("path", "/articles/a-long-title".into()),
        ("query", "page=2".into()),
        ("host", "www.example.com".into()),
        ("ua", USER_AGENT.into()),
        ("headers", Value::Binary(headers())),
    ]
}

/// Returns the payload of a NOTIFY with these messages.
#[must_use]
pub fn payload(messages: &[Message]) -> Vec<u8> {
    let mut payload = Vec::new();
    let mut writer = NotifyWriter::new(&mut payload);
    for (name, arguments) in messages {
        writer.message(name, arguments);
    }
    payload
}

/// Returns a NOTIFY frame with these messages, of this stream.
#[must_use]
pub fn notify(messages: &[Message], stream_id: u64) -> Vec<u8> {
    frame(FrameType::NOTIFY, Flags::FIN, stream_id, &payload(messages))
}

/// Returns `count` NOTIFYs in a row, each of another stream, as one read may bring them.
#[must_use]
pub fn batch(messages: &[Message], count: u64) -> Vec<u8> {
    let streams = (0..count).map(|number| 2 * number + 1);
    streams.flat_map(|id| notify(messages, id)).collect()
}

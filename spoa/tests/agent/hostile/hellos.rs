//! HELLOs whose keys are wrong, missing, double, endless.

use super::{Case, concat, first, raw, refused, run, text, then};
use crate::peer::{Answer, frame, hello};
use spoa::spop::{Flags, FrameType, Value};

const VERSIONS: (&str, Value<'_>) = ("supported-versions", Value::String(b"2.0"));
const SIZE: (&str, Value<'_>) = ("max-frame-size", Value::Uint32(16380));
const CAPABILITIES: (&str, Value<'_>) = ("capabilities", Value::String(b"pipelining"));

fn payload(pairs: &[(&str, Value<'_>)]) -> Vec<u8> {
    let mut payload = Vec::new();
    for (key, value) in pairs {
        payload.extend(text(key.as_bytes()));
        value.encode(&mut payload);
    }
    payload
}

fn of(pairs: &[(&str, Value<'_>)]) -> Vec<u8> {
    frame(FrameType::HAPROXY_HELLO, Flags::FIN, 0, &payload(pairs))
}

/// A HELLO that is good but for the frame size.
fn size(size: Value<'_>) -> Vec<u8> {
    of(&[VERSIONS, ("max-frame-size", size), CAPABILITIES])
}

fn versions(versions: &[u8]) -> Vec<u8> {
    let versions = ("supported-versions", Value::String(versions));
    of(&[versions, SIZE, CAPABILITIES])
}

fn capabilities(list: &[u8]) -> Vec<u8> {
    of(&[VERSIONS, SIZE, ("capabilities", Value::String(list))])
}

/// A good HELLO with one more pair.
fn with(key: &str, value: Value<'_>) -> Vec<u8> {
    of(&[VERSIONS, SIZE, CAPABILITIES, (key, value)])
}

fn agreed() -> Vec<Answer> {
    vec![Answer::Hello]
}

fn sizes_and_versions() -> Vec<Case> {
    let many = format!("{}2.0", "1.0,".repeat(800));
    vec![
        first("frame size 0", size(Value::Uint32(0)), refused(9)),
        first("frame size 255", size(Value::Uint32(255)), refused(9)),
        first("frame size 256", size(Value::Uint32(256)), agreed()),
        first("frame size 2^32-1", size(Value::Uint32(u32::MAX)), agreed()),
        first("frame size 2^32", size(Value::Uint64(1 << 32)), refused(9)),
        first(
            "frame size 2^64-1",
            size(Value::Uint64(u64::MAX)),
            refused(9),
        ),
        first("a negative frame size", size(Value::Int32(-1)), refused(9)),
        first(
            "a frame size in words",
            size(Value::String(b"16380")),
            refused(9),
        ),
        first("frame size NULL", size(Value::Null), refused(9)),
        first("no frame size", of(&[VERSIONS, CAPABILITIES]), refused(6)),
        first(
            "the frame size twice, the second good",
            of(&[
                ("max-frame-size", Value::Uint32(0)),
                VERSIONS,
                SIZE,
                CAPABILITIES,
            ]),
            agreed(),
        ),
        first(
            "the frame size twice, the second bad",
            with("max-frame-size", Value::Uint32(1)),
            refused(9),
        ),
        first("no version", of(&[SIZE, CAPABILITIES]), refused(5)),
        first(
            "a version that is a number",
            of(&[("supported-versions", Value::Int64(2)), SIZE, CAPABILITIES]),
            refused(5),
        ),
        first(
            "a version that is not UTF-8",
            versions(b"2.0\xff"),
            refused(5),
        ),
        first("an empty version", versions(b""), refused(8)),
        first("version 1.0", versions(b"1.0"), refused(8)),
        first("version 3.0", versions(b"3.0"), refused(8)),
        first("version 2", versions(b"2"), refused(8)),
        first(
            "version 2.99999999999",
            versions(b"2.99999999999"),
            refused(8),
        ),
        first("version +2.0", versions(b"+2.0"), refused(8)),
        first(
            "800 versions that are not ours",
            versions("1.0,".repeat(800).as_bytes()),
            refused(8),
        ),
        first("800 versions and ours", versions(many.as_bytes()), agreed()),
    ]
}

fn the_rest() -> Vec<Case> {
    let good = payload(&[VERSIONS, SIZE, CAPABILITIES]);
    let flags = |flags| frame(FrameType::HAPROXY_HELLO, Flags::from_bits(flags), 0, &good);
    let after = |bytes: &[u8]| {
        frame(
            FrameType::HAPROXY_HELLO,
            Flags::FIN,
            0,
            &concat(&[&good, bytes]),
        )
    };
    let long = [b'e'; 3900];
    vec![
        first("no capabilities", of(&[VERSIONS, SIZE]), refused(7)),
        first(
            "capabilities that are a number",
            of(&[VERSIONS, SIZE, ("capabilities", Value::Bool(true))]),
            refused(7),
        ),
        first("empty capabilities", capabilities(b""), agreed()),
        first(
            "unknown capabilities",
            capabilities(b",telepathy,,\0"),
            agreed(),
        ),
        first(
            "endless capabilities",
            capabilities(&b"async,".repeat(670)),
            agreed(),
        ),
        first(
            "capabilities beyond what a HELLO may have",
            capabilities(&b"async,".repeat(700)),
            refused(3),
        ),
        first("an empty HELLO", of(&[]), refused(5)),
        first(
            "an unknown key",
            with("favourite-colour", Value::Uint64(7)),
            agreed(),
        ),
        first("an empty key", with("", Value::Null), agreed()),
        first(
            "a key that is not UTF-8",
            after(&[2, 0xff, 0xfe, 0]),
            agreed(),
        ),
        first(
            "a healthcheck in words",
            with("healthcheck", Value::String(b"yes")),
            agreed(),
        ),
        first(
            "an engine-id that is a number",
            with("engine-id", Value::Int64(-1)),
            agreed(),
        ),
        first(
            "an engine-id that is not UTF-8",
            with("engine-id", Value::String(b"\xc3")),
            agreed(),
        ),
        first(
            "an engine-id with lines of its own",
            with("engine-id", Value::String(b"a\r\n\x1b[2J WARN forged\0")),
            agreed(),
        ),
        first(
            "an endless engine-id",
            with("engine-id", Value::String(&long)),
            agreed(),
        ),
        first(
            "the engine-id twice",
            of(&[
                VERSIONS,
                SIZE,
                CAPABILITIES,
                ("engine-id", Value::String(b"a")),
                ("engine-id", Value::Null),
            ]),
            agreed(),
        ),
        first("a key without a value", after(b"\x01k"), refused(4)),
        first("a key that ends early", after(b"\x05k"), refused(4)),
        first(
            "a key of 2^64-1 bytes",
            after(&overlong(b"", b"")),
            refused(4),
        ),
        first(
            "a value of 2^64-1 bytes",
            after(&overlong(b"\x01k\x08", b"")),
            refused(4),
        ),
        first("a value of unknown type", after(b"\x01k\x0a"), refused(4)),
        first(
            "a value of a number too long",
            after(b"\x01k\x05\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x00"),
            refused(4),
        ),
        first("a HELLO without FIN", flags(0), agreed()),
        first("a HELLO with unknown flags", flags(0xffff_fff1), agreed()),
        first(
            "a HELLO with ids",
            frame(FrameType::HAPROXY_HELLO, Flags::FIN, 7, &good),
            agreed(),
        ),
        first(
            "a HELLO of nothing but its head",
            raw(&[1, 0, 0, 0, 1, 0, 0]),
            refused(5),
        ),
        then("a second HELLO", hello(16380), refused(4)),
        then("a second HELLO that is bad", of(&[]), refused(4)),
    ]
}

/// Between these: a length that is as large as can be.
fn overlong(before: &[u8], after: &[u8]) -> Vec<u8> {
    let mut bytes = before.to_vec();
    spoa::spop::varint::encode(u64::MAX, &mut bytes);
    bytes.extend(after);
    bytes
}

#[tokio::test(start_paused = true)]
async fn sizes_and_versions_of_a_hello_get_their_answer() {
    run(sizes_and_versions()).await;
}

#[tokio::test(start_paused = true)]
async fn other_faults_of_a_hello_get_their_answer() {
    run(the_rest()).await;
}

//! NOTIFYs whose head is fine: counts that lie, lengths, types, names, many of everything.
//!
//! Such a NOTIFY costs nobody but itself: it is answered without actions.

use super::{Case, answered, concat, in_vain, run, text, then};
use crate::peer::{Answer, ack, frame};
use spoa::spop::{Flags, FrameType, NotifyWriter, Value, varint};

/// A NOTIFY of stream 1.
fn of(parts: &[&[u8]]) -> Vec<u8> {
    frame(FrameType::NOTIFY, Flags::FIN, 1, &concat(parts))
}

/// A message `sync` of one argument `n`, whose value is these bytes.
fn value(bytes: &[u8]) -> Vec<u8> {
    of(&[b"\x04sync\x01\x01n", bytes])
}

/// A message of this many arguments `n`; their count is whatever HAProxy makes of it.
fn args(message: &str, count: usize) -> Vec<u8> {
    let mut payload = Vec::new();
    NotifyWriter::new(&mut payload).message(message, &vec![("n", Value::Int64(7)); count]);
    of(&[&payload])
}

/// A length that no frame has.
fn endless() -> Vec<u8> {
    let mut bytes = Vec::new();
    varint::encode(u64::MAX, &mut bytes);
    bytes
}

const GOOD: &[u8] = b"\x04sync\x01\x01n\x04\x07";
const TOO_LONG: &[u8] = &[0xff; 12];

fn counts_and_lengths() -> Vec<Case> {
    let endless = &endless()[..];
    vec![
        then(
            "fewer arguments than counted",
            of(&[b"\x04sync\x02\x01n\x04\x07"]),
            in_vain(),
        ),
        then(
            "255 arguments counted and one there",
            of(&[b"\x04sync\xff\x01n\x04\x07"]),
            in_vain(),
        ),
        then(
            "more arguments than counted",
            of(&[b"\x04sync\x00\x01n\x04\x07"]),
            in_vain(),
        ),
        then(
            "a good message and half a one",
            of(&[GOOD, b"\x04sy"]),
            in_vain(),
        ),
        then(
            "half a message and a good one",
            of(&[b"\x04sync\x02\x01n\x04\x07", GOOD]),
            in_vain(),
        ),
        then("a name and no count", of(&[b"\x04sync"]), in_vain()),
        then(
            "a count and no arguments",
            of(&[b"\x04sync\x01"]),
            in_vain(),
        ),
        then(
            "an argument without a value",
            of(&[b"\x04sync\x01\x01n"]),
            in_vain(),
        ),
        then("255 arguments", args("sync", 255), answered()),
        then(
            "256 arguments, counted as none",
            args("sync", 256),
            in_vain(),
        ),
        then(
            "257 arguments, counted as one",
            args("sync", 257),
            in_vain(),
        ),
        then("1000 arguments", args("sync", 1000), in_vain()),
        then("a message name of 2^64-1 bytes", of(&[endless]), in_vain()),
        then(
            "a message name whose length is too long",
            of(&[TOO_LONG]),
            in_vain(),
        ),
        then(
            "a message name whose length ends early",
            of(&[&[0xff]]),
            in_vain(),
        ),
        then(
            "an argument name of 2^64-1 bytes",
            of(&[b"\x04sync\x01", endless]),
            in_vain(),
        ),
        then(
            "an argument name whose length is too long",
            of(&[b"\x04sync\x01", TOO_LONG]),
            in_vain(),
        ),
        then(
            "an argument name whose length ends early",
            of(&[b"\x04sync\x01\xff"]),
            in_vain(),
        ),
        then(
            "a STRING of 2^64-1 bytes",
            value(&concat(&[&[8], endless])),
            in_vain(),
        ),
        then(
            "a STRING whose length is too long",
            value(&concat(&[&[8], TOO_LONG])),
            in_vain(),
        ),
        then("a STRING that ends early", value(b"\x08\x05abc"), in_vain()),
        then(
            "a BINARY of 2^64-1 bytes",
            value(&concat(&[&[9], endless])),
            in_vain(),
        ),
        then(
            "a BINARY whose length is too long",
            value(&concat(&[&[9], TOO_LONG])),
            in_vain(),
        ),
        then("a BINARY that ends early", value(b"\x09\x01"), in_vain()),
        then(
            "an INT32 that is too long",
            value(&concat(&[&[2], TOO_LONG])),
            in_vain(),
        ),
        then(
            "a UINT32 that is too long",
            value(&concat(&[&[3], TOO_LONG])),
            in_vain(),
        ),
        then(
            "an INT64 that is too long",
            value(&concat(&[&[4], TOO_LONG])),
            in_vain(),
        ),
        then(
            "a UINT64 that is too long",
            value(&concat(&[&[5], TOO_LONG])),
            in_vain(),
        ),
        then(
            "a UINT64 that ends early",
            value(b"\x05\xff\xff"),
            in_vain(),
        ),
        then("an IPV4 of three bytes", value(&[6, 1, 2, 3]), in_vain()),
        then("an IPV6 of 15 bytes", value(&[7; 16]), in_vain()),
        then("data type 10", value(&[10]), in_vain()),
        then("data type 11", value(&[11]), in_vain()),
        then("data type 12", value(&[12]), in_vain()),
        then("data type 13", value(&[13]), in_vain()),
        then("data type 14", value(&[14]), in_vain()),
        then("data type 15", value(&[15]), in_vain()),
        then("data type 15 with all flags", value(&[0xff]), in_vain()),
    ]
}

fn values_and_names() -> Vec<Case> {
    let long = text(&vec![b'm'; 16000]);
    vec![
        then(
            "a number with unknown flags",
            value(b"\xf4\x07"),
            answered(),
        ),
        then(
            "a BOOL with unknown flags for a number",
            value(b"\xf1"),
            in_vain(),
        ),
        then(
            "a NULL with all flags for a number",
            value(b"\xf0"),
            in_vain(),
        ),
        then(
            "a number too large for its type",
            value(b"\x04\xfc\x03"),
            in_vain(),
        ),
        then(
            "a negative number for one without sign",
            value(&concat(&[&[2], &endless()])),
            in_vain(),
        ),
        then(
            "a number tagged INT32 and wider than that",
            value(&concat(&[&[2], &endless()])),
            in_vain(),
        ),
        then("text for a number", value(b"\x08\x017"), in_vain()),
        then(
            "text that is not UTF-8",
            value(b"\x08\x02\xc3\x28"),
            in_vain(),
        ),
        then(
            "an empty BINARY for a number",
            value(b"\x09\x00"),
            in_vain(),
        ),
        then(
            "an address for a number",
            value(&[6, 127, 0, 0, 1]),
            in_vain(),
        ),
        then("an empty message name", of(&[b"\x00\x00"]), in_vain()),
        then(
            "an empty message name among good ones",
            of(&[b"\x00\x00", GOOD]),
            answered(),
        ),
        then(
            "an empty argument name",
            of(&[b"\x04sync\x01\x00\x04\x07"]),
            in_vain(),
        ),
        then(
            "255 empty argument names",
            of(&[b"\x04sync\xff", &[0; 510]]),
            in_vain(),
        ),
        then(
            "the same argument twice",
            of(&[b"\x04sync\x02\x01n\x04\x07\x01n\x04\x08"]),
            answered(),
        ),
        then(
            "a message name that is not UTF-8",
            of(&[b"\x02\xff\xfe\x00", GOOD]),
            answered(),
        ),
        then(
            "an argument name that is not UTF-8",
            of(&[b"\x04sync\x02\x01\xff\x00\x01n\x04\x07"]),
            answered(),
        ),
        then(
            "a message name with lines of its own",
            of(&[b"\x0bsync\r\nWARN \x00", GOOD]),
            answered(),
        ),
        then(
            "a message name of 16,000 bytes",
            of(&[&long, b"\x00", GOOD]),
            answered(),
        ),
        then(
            "an argument name of 16,000 bytes",
            of(&[b"\x04sync\x02", &long, b"\x00\x01n\x04\x07"]),
            answered(),
        ),
        then(
            "a message name that begins as a known one",
            of(&[b"\x05sync\0\x01\x01n\x04\x07"]),
            in_vain(),
        ),
        then(
            "a known name in capitals",
            of(&[b"\x04SYNC\x01\x01n\x04\x07"]),
            in_vain(),
        ),
    ]
}

fn many_messages() -> Vec<Case> {
    let sevens = |variable: &str, count| -> Vec<Answer> {
        let set = format!("set-var sess.{variable} = 7");
        vec![ack(1, &vec![set.as_str(); count])]
    };
    let ready = b"\x05ready\x01\x01n\x04\x07";
    let slow = b"\x04slow\x01\x01n\x04\x07";
    vec![
        then(
            "100 messages",
            of(&[&GOOD.repeat(100)]),
            sevens("sync", 100),
        ),
        then(
            "100 async messages",
            of(&[&ready.repeat(100)]),
            sevens("ready", 100),
        ),
        then(
            "100 messages that take their time",
            of(&[&slow.repeat(100)]),
            sevens("slow", 100),
        ),
        then(
            "8000 messages without a name",
            of(&[&[0; 16000]]),
            in_vain(),
        ),
        then(
            "100 failing messages among good ones",
            of(&[GOOD, &b"\x05picky\x00".repeat(100)]),
            answered(),
        ),
    ]
}

#[tokio::test(start_paused = true)]
async fn false_counts_lengths_and_types_get_their_answer() {
    run(counts_and_lengths()).await;
}

#[tokio::test(start_paused = true)]
async fn odd_values_and_names_get_their_answer() {
    run(values_and_names()).await;
}

#[tokio::test(start_paused = true)]
async fn a_notify_of_very_many_messages_gets_its_answer() {
    run(many_messages()).await;
}

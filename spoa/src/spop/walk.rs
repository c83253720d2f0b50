//! Walking over the messages of a NOTIFY without reading them: where each part ends.
//!
//! It works with positions, not slices: a position may lie after the end until the next byte is looked at, so
//! that the usual argument costs one comparison with the end for each byte that steers the walk. Errors
//! have no cause: [`fault`] reads the payload again to find it.

use super::error::Fault;
use super::reader::Reader;

/// The first byte of a varint that is longer than one.
const LONG: u8 = 240;

/// Returns where the message that begins at `at` ends: after the end of `bytes` if it is cut.
#[inline(always)]
pub(super) fn message(bytes: &[u8], at: usize) -> Option<usize> {
    let at = string(bytes, at)?;
    arguments(bytes, at + 1, *bytes.get(at)?)
}

/// Returns where the message at the front of `bytes` ends, if its length was not kept.
#[cold]
#[inline(never)]
pub(super) fn first(bytes: &[u8]) -> Option<usize> {
    message(bytes, 0)
}

/// Returns where `count` arguments that begin at `at` end.
#[inline(always)]
pub(super) fn arguments(bytes: &[u8], mut at: usize, count: u8) -> Option<usize> {
    for _ in 0..count {
        at = string(bytes, at)?;
        let head = *bytes.get(at)?;
        at += 1;
        at = match head & 0x0f {
            0 | 1 => at,
            2..=5 => integer(bytes, at)?,
            6 => at + 4,
            7 => at + 16,
            8 | 9 => string(bytes, at)?,
            _ => return None,
        };
    }
    Some(at)
}

/// Why there is no list of messages.
#[cold]
pub(super) fn fault(bytes: &[u8]) -> Fault {
    fn check(mut reader: Reader<'_>) -> Result<(), Fault> {
        while !reader.is_empty() {
            reader.string()?;
            for _ in 0..reader.byte()? {
                reader.string()?;
                reader.value()?;
            }
        }
        Ok(())
    }
    check(Reader::new(bytes)).err().unwrap_or(Fault::Truncated)
}

#[inline(always)]
fn string(bytes: &[u8], at: usize) -> Option<usize> {
    match *bytes.get(at)? {
        len @ ..LONG => Some(at + 1 + usize::from(len)),
        _ => long(bytes, at, Reader::string),
    }
}

/// Up to three bytes, which reach to 264 432, in place.
#[inline(always)]
fn integer(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..)? {
        [(..LONG), ..] => Some(at + 1),
        [_, (..128), ..] => Some(at + 2),
        [_, _, (..128), ..] => Some(at + 3),
        _ => long(bytes, at, Reader::varint),
    }
}

#[inline(never)]
fn long<'a, T>(
    bytes: &'a [u8],
    at: usize,
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, Fault>,
) -> Option<usize> {
    let mut reader = Reader::new(bytes.get(at..)?);
    read(&mut reader).ok()?;
    Some(bytes.len() - reader.rest().len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::{Message, Messages, NotifyWriter, Value};

    /// Long and short, of every type.
    fn payload() -> Vec<u8> {
        let long = [b'x'; 1000];
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Int32(-1),
            Value::Uint32(240),
            Value::Int64(5),
            Value::Uint64(u64::MAX),
            Value::Ipv4([192, 0, 2, 1].into()),
            Value::Ipv6([1; 16].into()),
            Value::String(b""),
            Value::String(&long),
            Value::Binary(b"\x00\x01"),
        ];
        let name = "n".repeat(300);
        let args: Vec<_> = values.iter().map(|value| (&*name, *value)).collect();
        let mut payload = Vec::new();
        NotifyWriter::new(&mut payload)
            .message("one", &args)
            .message(&name, &[])
            .message("three", &[("", Value::Int64(1))]);
        payload
    }

    #[test]
    fn the_length_of_a_message_is_the_number_of_its_arguments() {
        let payload = payload();
        let messages: Vec<_> = Messages::parse(&payload).unwrap().iter().collect();
        let lengths: Vec<_> = messages.iter().map(Message::len).collect();
        assert_eq!(lengths, [11, 0, 1]);
        let read: Vec<_> = messages.iter().map(|m| m.args().iter().count()).collect();
        assert_eq!(read, lengths);
    }

    #[test]
    fn a_payload_that_is_cut_inside_a_message_is_truncated() {
        let payload = payload();
        let mut ends = Vec::new();
        let mut at = 0;
        while at < payload.len() {
            at = message(&payload, at).unwrap();
            ends.push(at);
        }
        for len in 1..payload.len() {
            let parsed = Messages::parse(&payload[..len]);
            assert_eq!(parsed.is_ok(), ends.contains(&len), "{len} bytes");
        }
    }
}

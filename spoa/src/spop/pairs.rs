//! The key-value lists that HELLO and DISCONNECT frames carry (SPOE.txt 3.2: KV-LIST).
//!
//! It does not know which keys there are.

use super::{DecodeError, Value, reader::Reader, value::string};

/// Walks the pairs of a payload; ends after the first error.
pub(crate) fn pairs(
    payload: &[u8],
) -> impl Iterator<Item = Result<(&[u8], Value<'_>), DecodeError>> {
    let mut reader = Reader::new(payload);
    let mut broken = false;
    std::iter::from_fn(move || {
        if broken || reader.is_empty() {
            return None;
        }
        let pair = reader.string().and_then(|key| Ok((key, reader.value()?)));
        broken = pair.is_err();
        Some(pair.map_err(DecodeError::from))
    })
}

pub(crate) fn push(key: &str, value: Value<'_>, out: &mut Vec<u8>) {
    string(key.as_bytes(), out);
    value.encode(out);
}

/// A STRING that is UTF-8.
pub(crate) fn text<'a>(key: &'static str, value: Value<'a>) -> Result<&'a str, DecodeError> {
    match value {
        Value::String(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
    .ok_or(DecodeError::WrongType(key))
}

/// Any integer that fits 32 bits.
pub(crate) fn number(key: &'static str, value: Value<'_>) -> Result<u32, DecodeError> {
    value
        .as_integer()
        .and_then(|wide| u32::try_from(wide).ok())
        .ok_or(DecodeError::WrongType(key))
}

//! A datum in a recording: its type, and its value as text, number or hexadecimal digits.

use serde_json::{Map, Value as Json};
use spoa::client::OwnedValue;
use spoa::spop::Value;
use std::fmt::Write;

/// Appends the keys `type` and `value`, or `hex` for bytes that are not text.
pub(super) fn write(value: Value<'_>, out: &mut String) {
    let _ = write!(out, "\"type\":\"{}\",", value.data_type().name());
    let _ = match value {
        Value::Null => write!(out, "\"value\":null"),
        Value::Bool(value) => write!(out, "\"value\":{value}"),
        Value::Int32(value) => write!(out, "\"value\":{value}"),
        Value::Uint32(value) => write!(out, "\"value\":{value}"),
        Value::Int64(value) => write!(out, "\"value\":{value}"),
        Value::Uint64(value) => write!(out, "\"value\":{value}"),
        Value::Ipv4(address) => write!(out, "\"value\":\"{address}\""),
        Value::Ipv6(address) => write!(out, "\"value\":\"{address}\""),
        Value::Binary(bytes) => return hex(bytes, out),
        Value::String(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => write!(out, "\"value\":{}", Json::from(text)),
            Err(_) => return hex(bytes, out),
        },
    };
}

fn hex(bytes: &[u8], out: &mut String) {
    out.push_str("\"hex\":\"");
    for byte in bytes {
        let _ = write!(out, "{byte:02x}");
    }
    out.push('"');
}

/// Reads the keys that [`write()`] writes.
pub(super) fn read(object: &Map<String, Json>) -> Option<OwnedValue> {
    let value = object.get("value");
    let text = || value.and_then(Json::as_str);
    let signed = || value.and_then(Json::as_i64);
    let unsigned = || value.and_then(Json::as_u64);
    let bytes = || match object.get("hex") {
        Some(digits) => from_hex(digits.as_str()?),
        None => Some(text()?.as_bytes().to_vec()),
    };
    Some(match object.get("type")?.as_str()? {
        "NULL" => OwnedValue::Null,
        "BOOL" => OwnedValue::Bool(value?.as_bool()?),
        "INT32" => OwnedValue::Int32(signed()?.try_into().ok()?),
        "UINT32" => OwnedValue::Uint32(unsigned()?.try_into().ok()?),
        "INT64" => OwnedValue::Int64(signed()?),
        "UINT64" => OwnedValue::Uint64(unsigned()?),
        "IPV4" => OwnedValue::Ipv4(text()?.parse().ok()?),
        "IPV6" => OwnedValue::Ipv6(text()?.parse().ok()?),
        "STRING" => OwnedValue::String(bytes()?.into()),
        "BINARY" => OwnedValue::Binary(bytes()?.into()),
        _ => return None,
    })
}

fn from_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2);
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).ok()?;
        (pair.len() == 2).then(|| u8::from_str_radix(pair, 16).ok())?
    };
    pairs.map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_is_read_as_it_was_written() {
        for value in [
            Value::Null,
            Value::Bool(true),
            Value::Int32(-5),
            Value::Uint32(u32::MAX),
            Value::Int64(i64::MIN),
            Value::Uint64(u64::MAX),
            Value::Ipv4([192, 0, 2, 7].into()),
            Value::Ipv6("2001:db8::7".parse().unwrap()),
            Value::String("a\"b\n\u{1F600}".as_bytes()),
            Value::String(b"\xff"),
            Value::Binary(b""),
            Value::Binary(b"\x00\xff"),
        ] {
            let mut text = "{".to_owned();
            write(value, &mut text);
            text.push('}');
            let object: Map<String, Json> = serde_json::from_str(&text).unwrap();
            assert_eq!(read(&object), Some(OwnedValue::from(value)), "{text}");
        }
    }
}

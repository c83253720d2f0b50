//! Typed data (SPOE.txt 3.1): the value of an argument or a variable, and its encoding.
//!
//! [`crate::handler`] converts it from and to other Rust types.

use super::{DataType, varint};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A datum as it is in a frame; strings and binaries borrow from the frame. SPOE.txt has ten types, so the
/// enum is complete.
///
/// HAProxy sends every integer as `Int64`. A `String` is whatever bytes the client sent: HAProxy
/// does not check that it is UTF-8.
///
/// ```
/// use spoa::spop::{DataType, Value};
///
/// assert_eq!(Value::from("GET").data_type(), DataType::String);
/// assert_eq!(Value::Int64(-5).to_string(), "-5");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Value<'a> {
    /// The sample was not available; in `set-var`, it unsets the variable.
    Null,
    /// A boolean.
    Bool(bool),
    /// A signed 32-bit integer.
    Int32(i32),
    /// An unsigned 32-bit integer.
    Uint32(u32),
    /// A signed 64-bit integer.
    Int64(i64),
    /// An unsigned 64-bit integer; HAProxy's own integers are signed, so 2^63 and more turn negative
    /// there.
    Uint64(u64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text in no promised encoding.
    String(&'a [u8]),
    /// Bytes.
    Binary(&'a [u8]),
}

impl<'a> Value<'a> {
    /// Returns the type on the wire.
    #[inline]
    #[must_use]
    pub fn data_type(&self) -> DataType {
        match self {
            Value::Null => DataType::Null,
            Value::Bool(_) => DataType::Bool,
            Value::Int32(_) => DataType::Int32,
            Value::Uint32(_) => DataType::Uint32,
            Value::Int64(_) => DataType::Int64,
            Value::Uint64(_) => DataType::Uint64,
            Value::Ipv4(_) => DataType::Ipv4,
            Value::Ipv6(_) => DataType::Ipv6,
            Value::String(_) => DataType::String,
            Value::Binary(_) => DataType::Binary,
        }
    }

    /// Appends the datum to `out`.
    #[inline]
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.append(out);
    }

    /// Appends as [`encode`](Self::encode) does, but always inlined, so that a constant type folds.
    #[inline(always)]
    pub(crate) fn append(&self, out: &mut Vec<u8>) {
        let head = self.data_type().code();
        match *self {
            Value::Null => out.push(head),
            Value::Bool(value) => out.push(head | u8::from(value) << 4),
            // HAProxy decodes all four integer types as one raw 64-bit number, so a negative INT32
            // must be sign-extended or it arrives as a large positive one.
            Value::Int32(value) => integer(head, i64::from(value) as u64, out),
            Value::Uint32(value) => integer(head, u64::from(value), out),
            Value::Int64(value) => integer(head, value as u64, out),
            Value::Uint64(value) => integer(head, value, out),
            Value::Ipv4(address) => {
                out.push(head);
                out.extend_from_slice(&address.octets());
            }
            Value::Ipv6(address) => {
                out.push(head);
                out.extend_from_slice(&address.octets());
            }
            Value::String(bytes) | Value::Binary(bytes) => {
                out.push(head);
                string(bytes, out);
            }
        }
    }

    /// The datum of an integer that takes two bytes.
    #[inline(always)]
    pub(crate) fn short(&self) -> Option<[u8; 2]> {
        let value = match *self {
            Value::Int32(value) => i64::from(value) as u64,
            Value::Uint32(value) => value.into(),
            Value::Int64(value) => value as u64,
            Value::Uint64(value) => value,
            _ => return None,
        };
        (value < 240).then(|| [self.data_type().code(), value as u8])
    }

    /// Returns any of the four integer types as one wide integer; `None` for the other types.
    #[inline]
    #[must_use]
    pub fn as_integer(&self) -> Option<i128> {
        match *self {
            Value::Int32(value) => Some(i128::from(value)),
            Value::Uint32(value) => Some(i128::from(value)),
            Value::Int64(value) => Some(i128::from(value)),
            Value::Uint64(value) => Some(i128::from(value)),
            _ => None,
        }
    }

    /// Returns the bytes of a STRING or a BINARY; `None` for the other types.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> Option<&'a [u8]> {
        match *self {
            Value::String(bytes) | Value::Binary(bytes) => Some(bytes),
            _ => None,
        }
    }
}

#[inline(always)]
fn integer(head: u8, value: u64, out: &mut Vec<u8>) {
    out.push(head);
    varint::encode(value, out);
}

/// Appends a length and the bytes: a name, a STRING's or a BINARY's content.
#[inline]
pub(crate) fn string(bytes: &[u8], out: &mut Vec<u8>) {
    varint::encode(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

impl<'a> From<&'a str> for Value<'a> {
    fn from(text: &'a str) -> Self {
        Value::String(text.as_bytes())
    }
}

impl From<IpAddr> for Value<'_> {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(v4) => Value::Ipv4(v4),
            IpAddr::V6(v6) => Value::Ipv6(v6),
        }
    }
}

/// The value in the words a person would use: `20`, `true`, `"GET"`, `0x00ff`, `192.0.2.7`, `null`.
impl fmt::Display for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("null"),
            Value::Bool(value) => value.fmt(f),
            Value::Int32(value) => value.fmt(f),
            Value::Uint32(value) => value.fmt(f),
            Value::Int64(value) => value.fmt(f),
            Value::Uint64(value) => value.fmt(f),
            Value::Ipv4(address) => address.fmt(f),
            Value::Ipv6(address) => address.fmt(f),
            Value::String(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) => write!(f, "{text:?}"),
                Err(_) => write!(f, "\"{}\"", bytes.escape_ascii()),
            },
            Value::Binary(bytes) => {
                f.write_str("0x")?;
                bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::DecodeError;

    fn decoded(bytes: &[u8]) -> Result<Value<'_>, DecodeError> {
        Value::decode(bytes).map(|(value, rest)| {
            assert!(rest.is_empty());
            value
        })
    }

    fn encoded(value: Value<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        value.encode(&mut out);
        out
    }

    #[test]
    fn a_boolean_is_true_by_its_first_flag_alone() {
        assert_eq!(decoded(&[0x11]), Ok(Value::Bool(true)));
        for head in [0x01, 0x21, 0x31, 0xf1] {
            assert_eq!(decoded(&[head]), Ok(Value::Bool(false)), "{head:02x}");
        }
        assert_eq!(encoded(Value::Bool(true)), [0x11]);
        assert_eq!(encoded(Value::Bool(false)), [0x01]);
    }

    #[test]
    fn flags_of_other_types_mean_nothing() {
        assert_eq!(decoded(&[0xf0]), Ok(Value::Null));
        assert_eq!(decoded(&[0xf4, 5]), Ok(Value::Int64(5)));
        assert_eq!(decoded(b"\xf8\x01x"), Ok(Value::String(b"x")));
    }

    #[test]
    fn a_negative_integer_is_64_bits_wide_whatever_its_type() {
        let minus_one = encoded(Value::Int64(-1));
        assert_eq!(minus_one.len(), 11);
        assert_eq!(encoded(Value::Int32(-1))[1..], minus_one[1..]);
        assert_eq!(encoded(Value::Uint64(u64::MAX))[1..], minus_one[1..]);
    }

    #[test]
    fn an_integer_too_wide_for_its_type_keeps_its_value() {
        let with_tag = |tag, value| {
            let mut bytes = encoded(value);
            bytes[0] = tag;
            OwnedForm::from(decoded(&bytes).unwrap())
        };
        let wide = 1 << 40;
        assert_eq!(
            with_tag(2, Value::Int64(wide)),
            OwnedForm(DataType::Int64, 1 << 40)
        );
        assert_eq!(
            with_tag(2, Value::Int64(-7)),
            OwnedForm(DataType::Int32, -7)
        );
        assert_eq!(
            with_tag(3, Value::Int64(wide)),
            OwnedForm(DataType::Uint64, 1 << 40)
        );
        assert_eq!(with_tag(3, Value::Int64(7)), OwnedForm(DataType::Uint32, 7));
    }

    /// An integer's type and value.
    #[derive(Debug, PartialEq)]
    struct OwnedForm(DataType, i128);

    impl From<Value<'_>> for OwnedForm {
        fn from(value: Value<'_>) -> Self {
            OwnedForm(value.data_type(), value.as_integer().unwrap())
        }
    }

    #[test]
    fn the_six_reserved_types_are_unknown() {
        for code in 10..16 {
            let bytes = [code, 0, 0];
            assert_eq!(
                Value::decode(&bytes),
                Err(DecodeError::UnknownDataType(code))
            );
        }
    }

    #[test]
    fn a_truncated_value_is_an_error() {
        for bytes in [
            &b""[..],
            b"\x04",
            b"\x06abc",
            b"\x07123456789012345",
            b"\x08\x02x",
        ] {
            assert_eq!(
                Value::decode(bytes),
                Err(DecodeError::Truncated),
                "{bytes:?}"
            );
        }
    }

    #[test]
    fn values_are_displayed_as_a_person_would_write_them() {
        for (value, shown) in [
            (Value::Null, "null"),
            (Value::Bool(true), "true"),
            (Value::Int32(-5), "-5"),
            (Value::Ipv4([192, 0, 2, 7].into()), "192.0.2.7"),
            (Value::Ipv6(Ipv6Addr::LOCALHOST), "::1"),
            (
                Value::String("caf\u{e9} \"\n".as_bytes()),
                "\"caf\u{e9} \\\"\\n\"",
            ),
            (Value::String(b"\xff"), "\"\\xff\""),
            (Value::Binary(&[0, 255]), "0x00ff"),
        ] {
            assert_eq!(value.to_string(), shown);
        }
    }
}

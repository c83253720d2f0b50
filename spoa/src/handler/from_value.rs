//! The conversion of an argument of a message to a Rust value.

use super::{Accepts, DefaultSample, Expected, Mismatch};
use crate::spop::{DataType, Value};
use bytes::Bytes;
use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A type that an argument of a message can turn into.
///
/// HAProxy sends every integer as INT64 and every header as STRING, so conversions depend on the value: any
/// integer becomes any Rust integer that can hold it, and text that reads as an address becomes an address.
/// Derive it for a newtype or an enum of strings with `#[derive(FromValue)]`, or use [`Parse`] for a type that
/// implements [`FromStr`].
///
/// ```
/// use spoa::handler::FromValue;
/// use spoa::spop::Value;
///
/// assert_eq!(u16::from_value(Value::Int64(443)), Ok(443));
/// assert!(u8::from_value(Value::Int64(443)).is_err());
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be made from an argument of a message",
    label = "not a type that an argument can have",
    note = "arguments can be `bool`, integers up to 64 bits, `IpAddr`, `Ipv4Addr`, `Ipv6Addr`, `&str`, `String`, `Cow<str>`, `&[u8]`, `Vec<u8>`, `Bytes`, `spoa::spop::Value`, `Text`, and `Option` or `Result<_, Mismatch>` of these",
    note = "for a type of your own, `#[derive(FromValue)]` or `impl FromValue`; `Parse<T>` reads a `T` from text, `f64` for instance, and needs `T: FromStr`"
)]
pub trait FromValue<'a>: Sized {
    /// The values from which the type is made. Rejections and `handlers` show this, and the macros and `doctor`
    /// check that the sample gives such values.
    const EXPECTED: Expected = Expected::Any;

    /// The values that the type takes without a rejection. The macros refuse a type that does not take
    /// everything that a client can put in its sample.
    const ACCEPTS: Accepts = Accepts::SOME;

    /// The type on the wire to try first. A wrong guess only costs time.
    #[doc(hidden)]
    const LIKELY: DataType = Self::EXPECTED.likely();

    /// The sample of an argument of this type, unless `#[arg(sample = "…")]` names one.
    const SAMPLE: DefaultSample = DefaultSample::NONE;

    /// Converts the value of an argument.
    ///
    /// # Errors
    /// A [`Mismatch`] with the reason. It must not repeat the value: mismatches are logged, and values may be
    /// secrets.
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch>;

    /// Returns the value for an argument that the message does not have; `None` rejects the message.
    fn from_absent() -> Option<Self> {
        None
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        #[diagnostic::do_not_recommend]
        impl FromValue<'_> for $int {
            const EXPECTED: Expected =
                Expected::Integer { min: <$int>::MIN as i128, max: <$int>::MAX as i128 };

            #[inline(always)]
            fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
                match value {
                    Value::Int64(wide) => <$int>::try_from(wide).map_err(|_| Mismatch::Range),
                    other => {
                        let wide = other.as_integer().ok_or(Mismatch::Type)?;
                        <$int>::try_from(wide).map_err(|_| Mismatch::Range)
                    }
                }
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

#[diagnostic::do_not_recommend]
impl FromValue<'_> for bool {
    const EXPECTED: Expected = Expected::Bool;

    #[inline(always)]
    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        match value {
            Value::Bool(value) => Ok(value),
            other => match other.as_integer().ok_or(Mismatch::Type)? {
                0 => Ok(false),
                1 => Ok(true),
                _ => Err(Mismatch::Range),
            },
        }
    }
}

/// Parses text for a type with a syntax.
#[inline(never)]
fn parse<T: FromStr>(value: Value<'_>) -> Result<T, Mismatch> {
    <&str>::from_value(value)?
        .trim()
        .parse()
        .map_err(|_| Mismatch::Syntax)
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for IpAddr {
    const EXPECTED: Expected = Expected::Address;

    #[inline(always)]
    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        match value {
            Value::Ipv4(v4) => Ok(IpAddr::V4(v4)),
            Value::Ipv6(v6) => Ok(IpAddr::V6(v6)),
            other => parse(other),
        }
    }
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for Ipv4Addr {
    const EXPECTED: Expected = Expected::Ipv4;

    #[inline(always)]
    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        match value {
            Value::Ipv4(v4) => Ok(v4),
            other => parse(other),
        }
    }
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for Ipv6Addr {
    const EXPECTED: Expected = Expected::Ipv6;

    #[inline(always)]
    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        match value {
            Value::Ipv6(v6) => Ok(v6),
            other => parse(other),
        }
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for &'a str {
    const EXPECTED: Expected = Expected::Text;
    const ACCEPTS: Accepts = Accepts::TEXT;

    #[inline(always)]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        std::str::from_utf8(value.as_bytes().ok_or(Mismatch::Type)?).map_err(|_| Mismatch::Utf8)
    }
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for String {
    const EXPECTED: Expected = Expected::Text;
    const ACCEPTS: Accepts = Accepts::TEXT;

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        <&str>::from_value(value).map(str::to_owned)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Cow<'a, str> {
    const EXPECTED: Expected = Expected::Text;
    const ACCEPTS: Accepts = Accepts::TEXT;

    #[inline(always)]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        <&str>::from_value(value).map(Cow::Borrowed)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for &'a [u8] {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES;

    #[inline(always)]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        value.as_bytes().ok_or(Mismatch::Type)
    }
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for Vec<u8> {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES;

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        <&[u8]>::from_value(value).map(<[u8]>::to_vec)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Cow<'a, [u8]> {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES;

    #[inline(always)]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        <&[u8]>::from_value(value).map(Cow::Borrowed)
    }
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for Bytes {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES;

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        <&[u8]>::from_value(value).map(Bytes::copy_from_slice)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Value<'a> {
    const EXPECTED: Expected = Expected::Any;
    const ACCEPTS: Accepts = Accepts::ANY.or_null();

    #[inline(always)]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        Ok(value)
    }
}

/// Gives `None` for NULL, which HAProxy sends if it has no value, and for an argument that the message does not have.
#[diagnostic::do_not_recommend]
impl<'a, T: FromValue<'a>> FromValue<'a> for Option<T> {
    const EXPECTED: Expected = T::EXPECTED;
    const LIKELY: DataType = T::LIKELY;
    const ACCEPTS: Accepts = T::ACCEPTS.or_null();
    const SAMPLE: DefaultSample = T::SAMPLE;

    #[inline(always)]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }

    #[inline]
    fn from_absent() -> Option<Self> {
        Some(None)
    }
}

/// Gives the problem with an argument to the handler instead of rejecting the message, so that the handler runs
/// whatever a client sends.
#[diagnostic::do_not_recommend]
impl<'a, T: FromValue<'a>> FromValue<'a> for Result<T, Mismatch> {
    const EXPECTED: Expected = T::EXPECTED;
    const LIKELY: DataType = T::LIKELY;
    const ACCEPTS: Accepts = Accepts::ANY.or_null();
    const SAMPLE: DefaultSample = T::SAMPLE;

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        Ok(T::from_value(value).map_err(|mismatch| match value {
            Value::Null => Mismatch::Missing,
            _ => mismatch,
        }))
    }

    #[inline]
    fn from_absent() -> Option<Self> {
        Some(T::from_absent().ok_or(Mismatch::Missing))
    }
}

/// An argument whose text is parsed with [`FromStr`].
///
/// ```
/// use spoa::handler::{FromValue, Parse};
/// use spoa::spop::Value;
///
/// let Parse(ratio) = Parse::<f64>::from_value(Value::from("0.5")).unwrap();
/// assert_eq!(ratio, 0.5);
/// ```
///
/// If the text cannot be parsed, the message is rejected. `Option<Parse<T>>` does not change that: its `None` is
/// for a missing argument. So take `Parse<T>` for text from HAProxy or its configuration. If a client chooses the
/// text, take a `Result`, so that `?n=abc` does not stop the handler from checking the rest.
///
/// ```
/// use spoa::prelude::*;
///
/// #[spoe_message("limit")]
/// fn limit(#[arg(sample = "url_param(n)")] n: Result<Parse<u64>, Mismatch>) -> SetVar<u64> {
///     SetVar::transaction("limit", n.map_or(10, |Parse(n)| n))
/// }
///
/// assert_eq!(limit(Err(Mismatch::Syntax)), SetVar::transaction("limit", 10));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parse<T>(pub T);

// Without `do_not_recommend`, so that the error names the missing `T: FromStr`.
impl<T: FromStr> FromValue<'_> for Parse<T> {
    const EXPECTED: Expected = Expected::Other("text that its type can be parsed from");

    #[inline(always)]
    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        parse(value).map(Parse)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_integer_converts_to_any_rust_integer_that_holds_it() {
        assert_eq!(u8::from_value(Value::Int64(255)), Ok(255));
        assert_eq!(u8::from_value(Value::Int64(256)), Err(Mismatch::Range));
        assert_eq!(u64::from_value(Value::Int64(-1)), Err(Mismatch::Range));
        assert_eq!(
            i64::from_value(Value::Uint64(u64::MAX)),
            Err(Mismatch::Range)
        );
        assert_eq!(u64::from_value(Value::Uint64(u64::MAX)), Ok(u64::MAX));
        assert_eq!(i8::from_value(Value::Int32(-128)), Ok(-128));
        assert_eq!(u8::from_value(Value::from("1")), Err(Mismatch::Type));
    }

    #[test]
    fn text_that_reads_as_an_address_converts_to_one() {
        let ip: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(IpAddr::from_value(Value::from("192.0.2.7")), Ok(ip));
        assert_eq!(
            IpAddr::from_value(Value::from("example.org")),
            Err(Mismatch::Syntax)
        );
        assert_eq!(IpAddr::from_value(Value::Int64(1)), Err(Mismatch::Type));
        assert_eq!(
            Ipv4Addr::from_value(Value::Ipv6(Ipv6Addr::LOCALHOST)),
            Err(Mismatch::Type)
        );
    }

    #[test]
    fn only_null_and_absence_become_none() {
        assert_eq!(Option::<u8>::from_value(Value::Null), Ok(None));
        assert_eq!(
            Option::<u8>::from_value(Value::Int64(300)),
            Err(Mismatch::Range)
        );
        assert_eq!(Option::<u8>::from_absent(), Some(None));
        assert_eq!(u8::from_value(Value::Null), Err(Mismatch::Type));
        assert_eq!(u8::from_absent(), None);
    }

    #[test]
    fn a_result_accepts_any_value() {
        let of = |value| Result::<u8, Mismatch>::from_value(value).unwrap();
        assert_eq!(of(Value::Int64(255)), Ok(255));
        assert_eq!(of(Value::Int64(256)), Err(Mismatch::Range));
        assert_eq!(of(Value::from("1")), Err(Mismatch::Type));
        assert_eq!(of(Value::Null), Err(Mismatch::Missing));
        assert_eq!(
            Result::<u8, Mismatch>::from_absent(),
            Some(Err(Mismatch::Missing))
        );
        assert_eq!(
            Result::<Option<u8>, Mismatch>::from_value(Value::Null),
            Ok(Ok(None))
        );
        assert_eq!(
            Option::<Result<u8, Mismatch>>::from_value(Value::Null),
            Ok(None)
        );
        let text = Mismatch::Syntax.to_string();
        assert_eq!(
            text,
            "the text does not read as a value of the expected type"
        );
    }

    #[test]
    fn text_must_be_utf8_and_bytes_need_not() {
        assert_eq!(
            <&str>::from_value(Value::String(&[0xff])),
            Err(Mismatch::Utf8)
        );
        assert_eq!(<&[u8]>::from_value(Value::String(&[0xff])), Ok(&[0xff][..]));
        assert_eq!(<&str>::from_value(Value::Binary(b"a")), Ok("a"));
    }
}

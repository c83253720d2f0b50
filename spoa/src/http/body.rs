//! The body of a request or a response, as far as HAProxy has read it.

use crate::handler::__macros::{ArgCursor, ArgSpec, ByValue, Description, Events, Param};
use crate::handler::{
    Accepts, DefaultSample, Expected, Failure, FromMessage, FromValue, IncomingMessage, Mismatch,
};
use crate::spop::Value;
use std::fmt;

/// The body of a request or a response, as far as HAProxy has read it.
///
/// It reads three arguments: `body` (`req.body`), `body_size` (`req.body_size`) and `content_length`
/// (`req.fhdr(content-length)`), or those of the response.
///
/// ```
/// use spoa::http::{Body, Completeness};
/// use spoa::prelude::*;
///
/// #[spoe_message("scan", event = "on-frontend-http-request")]
/// fn scan(body: Body<'_>) -> SetVar<bool> {
///     let suspect = body.bytes().windows(6).any(|part| part == b"<?php ");
///     SetVar::transaction("blocked", suspect || body.completeness() != Completeness::Complete)
/// }
///
/// assert!(!scan(Body::complete(b"hello")).value());
/// ```
///
/// HAProxy reads a body before it sends the message only with `option http-buffer-request` or
/// `http-request wait-for-body`, and then as much as its buffer holds (`tune.bufsize`).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Body<'a> {
    bytes: &'a [u8],
    completeness: Completeness,
}

/// How much of a body there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Completeness {
    /// The whole body.
    Complete,
    /// A part of the body.
    Truncated {
        /// The size of the body in bytes, as far as HAProxy knew it. The size of a chunked body may be larger.
        size: u64,
    },
    /// The whole body or a part. A body without `Content-Length` has no size before its end, and HAProxy does not
    /// tell whether it has seen the end.
    Unknown,
}

impl<'a> Body<'a> {
    /// Creates a body that is complete.
    #[must_use]
    pub const fn complete(bytes: &'a [u8]) -> Self {
        Body {
            bytes,
            completeness: Completeness::Complete,
        }
    }

    /// Creates a body from its bytes, the size that HAProxy knows, and the `Content-Length` header.
    ///
    /// ```
    /// use spoa::http::{Body, Completeness};
    ///
    /// let cut = Body::new(b"hel", 5, Some(b"5"));
    /// assert_eq!(cut.completeness(), Completeness::Truncated { size: 5 });
    /// // More chunks may follow.
    /// assert_eq!(Body::new(b"hel", 3, None).completeness(), Completeness::Unknown);
    /// ```
    #[must_use]
    pub fn new(bytes: &'a [u8], size: u64, content_length: Option<&[u8]>) -> Self {
        let length = content_length.and_then(|text| {
            let text = std::str::from_utf8(text.trim_ascii()).ok()?;
            text.parse::<u64>().ok()
        });
        let here = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        let known = length.unwrap_or(0).max(size);
        let completeness = match length {
            _ if here < known => Completeness::Truncated { size: known },
            Some(_) => Completeness::Complete,
            None => Completeness::Unknown,
        };
        Body {
            bytes,
            completeness,
        }
    }

    /// Returns the bytes that HAProxy had.
    #[must_use]
    pub const fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Returns whether these bytes are the whole body.
    #[must_use]
    pub const fn completeness(self) -> Completeness {
        self.completeness
    }
}

/// Shows the number of bytes only: they may be secrets.
impl fmt::Debug for Body<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body")
            .field("bytes", &self.bytes.len())
            .field("completeness", &self.completeness)
            .finish()
    }
}

/// The bytes of a body.
struct Bytes<'a>(&'a [u8]);

impl<'a> FromValue<'a> for Bytes<'a> {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES.or_null();
    const SAMPLE: DefaultSample = DefaultSample::request("req.body").or_response("res.body");

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        Option::<&[u8]>::from_value(value).map(|bytes| Bytes(bytes.unwrap_or_default()))
    }
}

/// The size of a body.
struct Size(u64);

impl FromValue<'_> for Size {
    const EXPECTED: Expected = <u64 as FromValue<'_>>::EXPECTED;
    const ACCEPTS: Accepts = Accepts::SOME.or_null();
    const SAMPLE: DefaultSample =
        DefaultSample::request("req.body_size").or_response("res.body_size");

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        Option::<u64>::from_value(value).map(|size| Size(size.unwrap_or(0)))
    }
}

/// The `Content-Length` header.
struct Length<'a>(Option<&'a [u8]>);

impl<'a> FromValue<'a> for Length<'a> {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES.or_null();
    const SAMPLE: DefaultSample =
        DefaultSample::request("req.fhdr(content-length)").or_response("res.fhdr(content-length)");

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        Option::from_value(value).map(Length)
    }

    // Without the header no body is known to be complete, and nothing else is lost.
    fn from_absent() -> Option<Self> {
        Some(Length(None))
    }
}

const fn spec(name: &'static str, rust_type: &'static str) -> ArgSpec {
    ArgSpec {
        name: Some(name),
        index: None,
        rust_type,
        default: false,
        sample: None,
        may_be_missing: false,
        attribute: "",
    }
}

const BODY: ArgSpec = spec("body", "Body<'_>");
const SIZE: ArgSpec = spec("body_size", "Body<'_>");
const LENGTH: ArgSpec = spec("content_length", "Body<'_>");

impl<'a> FromMessage<'a> for Body<'a> {
    const EVENTS: Events = <Bytes<'a> as FromValue<'a>>::SAMPLE.events();

    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        let mut arguments = ArgCursor::of(incoming);
        let Bytes(bytes) = Param::<ByValue>::take(&mut arguments, incoming, &BODY)?;
        let Size(size) = Param::<ByValue>::take(&mut arguments, incoming, &SIZE)?;
        let Length(length) = Param::<ByValue>::take(&mut arguments, incoming, &LENGTH)?;
        Ok(Body::new(bytes, size, length))
    }

    fn describe(description: &mut Description) {
        <Bytes<'a> as Param<'a, ByValue>>::describe(&BODY, description);
        <Size as Param<'a, ByValue>>::describe(&SIZE, description);
        <Length<'a> as Param<'a, ByValue>>::describe(&LENGTH, description);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_complete_only_if_its_length_says_so() {
        let of = |bytes, size, length: Option<&[u8]>| Body::new(bytes, size, length).completeness();
        assert_eq!(of(b"abc", 3, Some(b"3")), Completeness::Complete);
        assert_eq!(of(b"", 0, Some(b"0")), Completeness::Complete);
        assert_eq!(
            of(b"ab", 3, Some(b"3")),
            Completeness::Truncated { size: 3 }
        );
        assert_eq!(
            of(b"ab", 0, Some(b"3")),
            Completeness::Truncated { size: 3 }
        );
        assert_eq!(of(b"ab", 4, None), Completeness::Truncated { size: 4 });
        assert_eq!(of(b"ab", 2, None), Completeness::Unknown);
        assert_eq!(of(b"", 0, None), Completeness::Unknown);
        assert_eq!(of(b"ab", 2, Some(b"x")), Completeness::Unknown);
        let shown = format!("{:?}", Body::complete(b"secret"));
        assert_eq!(shown, "Body { bytes: 6, completeness: Complete }");
    }
}

//! The identity of a request: its unique id, and the trace that it belongs to.

use crate::handler::{Accepts, AsValue, DefaultSample, Expected, FromValue, Mismatch, Text};
use crate::spop::Value;
use std::fmt;

/// The id that HAProxy gave a request or a connection (sample `unique-id`).
///
/// HAProxy has one if the frontend has a `unique-id-format`. Without that line, it is an empty text here, and
/// `Option<UniqueId<'_>>` is `None`. With `unique-id-format %[req.hdr(x-request-id)]` or the like, a client
/// chooses it.
///
/// ```
/// use spoa::http::UniqueId;
/// use spoa::prelude::*;
///
/// #[spoe_message("log")]
/// fn log(id: UniqueId<'_>) {
///     println!("{id}");
/// }
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct UniqueId<'a>(Text<'a>);

impl<'a> UniqueId<'a> {
    /// Creates an id with this text.
    #[must_use]
    pub fn new(text: impl Into<Text<'a>>) -> Self {
        UniqueId(text.into())
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether HAProxy has given no id.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for UniqueId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for UniqueId<'a> {
    const EXPECTED: Expected = Expected::Text;
    const ACCEPTS: Accepts = Accepts::BYTES.or_null();
    const SAMPLE: DefaultSample = DefaultSample::anywhere("unique-id");

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        Text::from_value(value).map(UniqueId)
    }
}

#[diagnostic::do_not_recommend]
impl AsValue for UniqueId<'_> {
    fn as_value(&self) -> Value<'_> {
        Value::from(self.as_str())
    }
}

/// The `traceparent` header of W3C Trace Context (sample `req.fhdr(traceparent)`).
///
/// Take `Result<TraceParent, Mismatch>`: a client can leave the header out, or send an invalid one. Both begin a
/// new trace.
///
/// ```
/// use spoa::http::TraceParent;
///
/// let header = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
/// let parent = TraceParent::parse(header.as_bytes()).unwrap();
/// assert_eq!(parent.parent_id(), 0x00f0_67aa_0ba9_02b7);
/// assert!(parent.is_sampled());
/// assert_eq!(parent.child(1).to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000001-01");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TraceParent {
    trace: u128,
    parent: u64,
    flags: u8,
}

impl TraceParent {
    /// Reads a header; `None` if it is not valid. A later version than 00 is read as far as version 00 defines it,
    /// as the specification asks for.
    #[must_use]
    pub fn parse(header: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(header.trim_ascii()).ok()?;
        let (head, rest) = text.split_at_checked(55)?;
        let mut parts = head.split('-');
        let mut hex = |len: usize| {
            let part = parts.next().filter(|part| part.len() == len)?;
            let digits = part
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            u128::from_str_radix(part, 16).ok().filter(|_| digits)
        };
        let (version, trace, parent, flags) = (hex(2)?, hex(32)?, hex(16)?, hex(2)?);
        let ends = match version {
            0 => rest.is_empty(),
            0xff => false,
            _ => rest.is_empty() || rest.starts_with('-'),
        };
        (ends && trace != 0 && parent != 0).then_some(TraceParent {
            trace,
            parent: u64::try_from(parent).ok()?,
            flags: u8::try_from(flags).ok()?,
        })
    }

    /// Returns the id of the trace.
    #[must_use]
    pub const fn trace_id(self) -> u128 {
        self.trace
    }

    /// Returns the id of the span that sent the request.
    #[must_use]
    pub const fn parent_id(self) -> u64 {
        self.parent
    }

    /// Returns whether the caller may have recorded the trace.
    #[must_use]
    pub const fn is_sampled(self) -> bool {
        self.flags & 1 != 0
    }

    /// Returns the header that a span of this trace sends on, with its own id as the parent.
    #[must_use]
    pub const fn child(self, span_id: u64) -> Self {
        TraceParent {
            parent: span_id,
            ..self
        }
    }
}

/// Writes the header in version 00.
impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.trace, self.parent, self.flags
        )
    }
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for TraceParent {
    const EXPECTED: Expected = Expected::Other("a valid `traceparent` header");
    const SAMPLE: DefaultSample = DefaultSample::request("req.fhdr(traceparent)");

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        TraceParent::parse(<&[u8]>::from_value(value)?).ok_or(Mismatch::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_valid_headers_are_read() {
        let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";
        let parent = TraceParent::parse(valid.as_bytes()).unwrap();
        assert_eq!(parent.to_string(), valid);
        assert!(!parent.is_sampled());
        for (from, to) in [
            ("", "x"),
            ("00-4", "ff-4"),
            ("4bf9", "4BF9"),
            ("-00f", "_00f"),
        ] {
            let other = match from {
                "" => format!("{valid}{to}"),
                from => valid.replace(from, to),
            };
            assert_eq!(TraceParent::parse(other.as_bytes()), None, "{other}");
        }
        let later = format!("01{}-more", &valid[2..]);
        assert!(TraceParent::parse(later.as_bytes()).is_some());
        let zero = "00-00000000000000000000000000000000-00f067aa0ba902b7-00";
        assert_eq!(TraceParent::parse(zero.as_bytes()), None);
        assert_eq!(TraceParent::parse(&[0xff; 55]), None);
    }
}

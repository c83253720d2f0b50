//! The values from which a type can be made, as rejections and the tools name them.

use crate::spop::DataType;
use std::fmt;

/// The values from which a type can be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// A boolean, or the integer 0 or 1.
    Bool,
    /// An integer between two limits, both included.
    Integer {
        /// The smallest integer.
        min: i128,
        /// The largest integer.
        max: i128,
    },
    /// An IPv4 or IPv6 address.
    Address,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// UTF-8 text.
    Text,
    /// Bytes.
    Bytes,
    /// All headers of a request or a response, as HAProxy writes them: `req.hdrs_bin`, `req.hdrs`.
    Headers,
    /// Any value.
    Any,
    /// Another kind of value, in words that complete "should be".
    Other(&'static str),
}

impl Expected {
    /// Returns the type as `spoa-facts` compares it with HAProxy's samples.
    pub(crate) const fn known(self) -> spoa_facts::Expected {
        match self {
            Expected::Bool => spoa_facts::Expected::Bool,
            Expected::Integer { .. } => spoa_facts::Expected::Integer,
            Expected::Address => spoa_facts::Expected::Address,
            Expected::Ipv4 => spoa_facts::Expected::Ipv4,
            Expected::Ipv6 => spoa_facts::Expected::Ipv6,
            Expected::Text => spoa_facts::Expected::Text,
            Expected::Bytes | Expected::Headers => spoa_facts::Expected::Bytes,
            Expected::Any => spoa_facts::Expected::Any,
            Expected::Other(_) => spoa_facts::Expected::Other,
        }
    }

    /// Returns the most likely type on the wire: HAProxy sends all integers as INT64.
    pub(crate) const fn likely(self) -> DataType {
        match self {
            Expected::Bool => DataType::Bool,
            Expected::Integer { .. } => DataType::Int64,
            Expected::Address | Expected::Ipv4 => DataType::Ipv4,
            Expected::Ipv6 => DataType::Ipv6,
            Expected::Text | Expected::Any | Expected::Other(_) => DataType::String,
            Expected::Bytes | Expected::Headers => DataType::Binary,
        }
    }
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Expected::Bool => "a boolean",
            Expected::Integer { min, max } => {
                return write!(f, "an integer from {min} to {max}");
            }
            Expected::Address => "an IP address",
            Expected::Ipv4 => "an IPv4 address",
            Expected::Ipv6 => "an IPv6 address",
            Expected::Text => "UTF-8 text",
            Expected::Bytes => "text or binary",
            Expected::Headers => "a block of headers, as `req.hdrs_bin` gives it",
            Expected::Any => "any value",
            Expected::Other(words) => words,
        })
    }
}

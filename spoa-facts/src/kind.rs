//! The types of samples, and which of them HAProxy makes of which.

use std::fmt;

/// The type of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Known only when it is there, as the value of a variable.
    Any,
    /// A boolean.
    Bool,
    /// An integer.
    Sint,
    /// An address of either family.
    Addr,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Text.
    Str,
    /// Binary.
    Bin,
    /// An HTTP method, which is sent as text.
    Meth,
}

impl Kind {
    /// HAProxy's name for it, as in its lists.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Any => "any",
            Kind::Bool => "bool",
            Kind::Sint => "sint",
            Kind::Addr => "addr",
            Kind::Ipv4 => "ipv4",
            Kind::Ipv6 => "ipv6",
            Kind::Str => "str",
            Kind::Bin => "bin",
            Kind::Meth => "meth",
        }
    }

    /// Returns whether HAProxy turns a sample of this type into one of another, before a converter that takes
    /// the other: `sample_casts` in its sample.c.
    #[must_use]
    pub fn converts_to(self, other: Kind) -> bool {
        use Kind::{Addr, Any, Bin, Bool, Ipv4, Ipv6, Meth, Sint, Str};
        match (self, other) {
            (Any, _) | (_, Any) => true,
            (one, other) if one == other => true,
            (Bool, to) => matches!(to, Sint | Str | Bin),
            (Sint, to) => !matches!(to, Meth),
            (Addr, to) => matches!(to, Ipv4 | Ipv6 | Str | Bin),
            (Ipv4, to) => matches!(to, Sint | Addr | Ipv6 | Str | Bin),
            (Ipv6, to) => matches!(to, Addr | Ipv4 | Str | Bin),
            (Str, _) => true,
            (Bin, to) => matches!(to, Str | Meth),
            (Meth, to) => matches!(to, Str | Bin),
        }
    }
}

/// The values that a parameter of a handler takes.
///
/// ```
/// use spoa_facts::{Kind, Expected};
///
/// assert!(Expected::Ipv4.suits(Kind::Str), "text may be an address");
/// assert!(!Expected::Integer.suits(Kind::Str), "HAProxy sends no text as a number");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Expected {
    /// A boolean.
    Bool,
    /// An integer.
    Integer,
    /// An address of either family, or text that is one.
    Address,
    /// An IPv4 address, or text that is one.
    Ipv4,
    /// An IPv6 address, or text that is one.
    Ipv6,
    /// Text, or binary that is UTF-8.
    Text,
    /// Text or binary.
    Bytes,
    /// Anything.
    Any,
    /// The values that a type of the user's own takes, which are not known.
    Other,
}

impl Expected {
    /// Returns whether the parameter is an address.
    #[must_use]
    pub const fn is_address(self) -> bool {
        matches!(self, Expected::Address | Expected::Ipv4 | Expected::Ipv6)
    }

    /// Returns whether a value of this kind can become the parameter.
    #[must_use]
    pub const fn suits(self, kind: Kind) -> bool {
        use Kind::{Addr, Any, Bin, Bool, Ipv4, Ipv6, Meth, Sint, Str};
        match self {
            Expected::Any | Expected::Other => true,
            Expected::Bool => matches!(kind, Any | Bool | Sint),
            Expected::Integer => matches!(kind, Any | Sint),
            // Text may be an address.
            Expected::Address => matches!(kind, Any | Addr | Ipv4 | Ipv6 | Str | Bin | Meth),
            Expected::Ipv4 => matches!(kind, Any | Addr | Ipv4 | Str | Bin | Meth),
            Expected::Ipv6 => matches!(kind, Any | Addr | Ipv6 | Str | Bin | Meth),
            Expected::Text | Expected::Bytes => matches!(kind, Any | Str | Bin | Meth),
        }
    }
}

/// Writes the kind in words: `an integer`.
impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Any => "a value of any type",
            Kind::Bool => "a boolean",
            Kind::Sint => "an integer",
            Kind::Addr => "an address",
            Kind::Ipv4 => "an IPv4 address",
            Kind::Ipv6 => "an IPv6 address",
            Kind::Str => "text",
            Kind::Bin => "binary",
            Kind::Meth => "an HTTP method",
        })
    }
}

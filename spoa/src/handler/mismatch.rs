//! The reason why an argument does not convert to a Rust type.

use std::fmt;

/// The reason why an argument does not convert to a type.
///
/// If a handler takes `Result<T, Mismatch>`, it gets the reason, and its message is not rejected:
///
/// ```
/// use spoa::prelude::*;
/// use std::net::IpAddr;
///
/// #[spoe_message("check-client")]
/// fn check_client(
///     #[arg(sample = "req.hdr(x-forwarded-for)")] client: Result<IpAddr, Mismatch>,
/// ) -> SetVar<bool> {
///     // A header that is missing or does not read as an address is suspicious.
///     SetVar::transaction("blocked", client.is_err())
/// }
///
/// assert!(*check_client(Err(Mismatch::Syntax)).value());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// The argument is NULL, or the message does not have it. Only a `Result<T, Mismatch>` gets this.
    Missing,
    /// The value is of another type.
    Type,
    /// The integer is out of range.
    Range,
    /// The text does not read as a value of the expected type.
    Syntax,
    /// The text is not UTF-8.
    Utf8,
    /// Another reason, in words that complete "but".
    Other(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Missing => "HAProxy had no value",
            Mismatch::Type => "the value is of another type",
            Mismatch::Range => "the integer is out of range",
            Mismatch::Syntax => "the text does not read as a value of the expected type",
            Mismatch::Utf8 => "the text is not UTF-8",
            Mismatch::Other(words) => words,
        })
    }
}

impl std::error::Error for Mismatch {}

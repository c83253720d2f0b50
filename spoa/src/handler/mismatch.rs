//! Why an argument does not become a value of a Rust type.

use std::fmt;

/// Why a datum does not fit a type.
///
/// A handler that takes `Result<T, Mismatch>` gets it, instead of having its message rejected:
///
/// ```
/// use spoa::prelude::*;
/// use std::net::IpAddr;
///
/// #[spoe_message("check-client")]
/// fn check_client(
///     #[arg(sample = "req.hdr(x-forwarded-for)")] client: Result<IpAddr, Mismatch>,
/// ) -> SetVar<bool> {
///     // A header that does not read as an address is suspect, as one that is not there.
///     SetVar::transaction("blocked", client.is_err())
/// }
///
/// assert!(*check_client(Err(Mismatch::Syntax)).value());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Mismatch {
    /// It is NULL, or the message does not have it. Only a `Result<T, Mismatch>` gets this.
    Missing,
    /// It is of another type.
    Type,
    /// It is an integer out of bounds.
    Range,
    /// It is text that does not read as what is expected.
    Syntax,
    /// It is not UTF-8.
    Utf8,
    /// Anything else, in words that complete "but".
    Other(String),
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Mismatch::Missing => "HAProxy had no value",
            Mismatch::Type => "the value is of another type",
            Mismatch::Range => "the integer is out of range",
            Mismatch::Syntax => "the text does not read as what is expected",
            Mismatch::Utf8 => "the text is not UTF-8",
            Mismatch::Other(words) => words,
        })
    }
}

impl std::error::Error for Mismatch {}

//! The method of a request.

use crate::handler::{Accepts, AsValue, DefaultSample, Expected, FromValue, Mismatch};
use crate::spop::Value;
use std::fmt;

/// The method of a request (sample `method`).
///
/// A client may send any word, and methods are compared byte by byte: `get` is not `GET`.
///
/// ```
/// use spoa::http::Method;
/// use spoa::prelude::*;
///
/// #[spoe_message("check", event = "on-frontend-http-request")]
/// fn check(method: Method<'_>) -> SetVar<bool> {
///     SetVar::transaction("blocked", !method.is_safe() && method != Method::POST)
/// }
///
/// assert!(check(Method::new("DELETE")).value());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Method<'a>(&'a str);

impl<'a> Method<'a> {
    /// `GET`
    pub const GET: Method<'static> = Method("GET");
    /// `HEAD`
    pub const HEAD: Method<'static> = Method("HEAD");
    /// `POST`
    pub const POST: Method<'static> = Method("POST");
    /// `PUT`
    pub const PUT: Method<'static> = Method("PUT");
    /// `DELETE`
    pub const DELETE: Method<'static> = Method("DELETE");
    /// `CONNECT`
    pub const CONNECT: Method<'static> = Method("CONNECT");
    /// `OPTIONS`
    pub const OPTIONS: Method<'static> = Method("OPTIONS");
    /// `TRACE`
    pub const TRACE: Method<'static> = Method("TRACE");
    /// `PATCH`
    pub const PATCH: Method<'static> = Method("PATCH");

    /// Creates a method with this name.
    #[must_use]
    pub const fn new(name: &'a str) -> Self {
        Method(name)
    }

    /// Returns the name.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }

    /// Returns the method as a type of the crate `http`; `None` if that crate refuses it.
    #[cfg(feature = "http-types")]
    #[must_use]
    pub fn to_http(self) -> Option<http::Method> {
        http::Method::from_bytes(self.0.as_bytes()).ok()
    }

    /// Returns whether the method only reads: `GET`, `HEAD`, `OPTIONS` and `TRACE` do.
    #[must_use]
    pub fn is_safe(self) -> bool {
        matches!(self.0, "GET" | "HEAD" | "OPTIONS" | "TRACE")
    }
}

impl fmt::Display for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0)
    }
}

impl PartialEq<str> for Method<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other
    }
}

impl PartialEq<&str> for Method<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == *other
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Method<'a> {
    const EXPECTED: Expected = Expected::Text;
    // HAProxy refuses requests whose method is not a word of ASCII.
    const ACCEPTS: Accepts = Accepts::TEXT;
    const SAMPLE: DefaultSample = DefaultSample::request("method")
        .or_response("method")
        .ascii()
        .always();

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        <&str>::from_value(value).map(Method)
    }
}

#[diagnostic::do_not_recommend]
impl AsValue for Method<'_> {
    fn as_value(&self) -> Value<'_> {
        Value::from(self.0)
    }
}

//! The credentials of a client in the `Authorization` header, which `Debug` never shows.

use super::Headers;
use super::split::split;
use crate::handler::{DefaultSample, Expected, FromValue, Mismatch};
use crate::spop::Value;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use std::fmt;

/// Some clients leave out the `=` at the end.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An `Authorization` header.
#[derive(Clone, Copy)]
pub(super) struct Authorization<'a> {
    scheme: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Authorization<'a> {
    fn new(value: &'a [u8]) -> Self {
        let (scheme, rest) = split(value.trim_ascii(), b' ');
        Authorization {
            scheme,
            rest: rest.unwrap_or_default().trim_ascii(),
        }
    }

    /// Returns the header if there is exactly one: of several, the server may use another one.
    pub(super) fn of_headers(headers: &Headers<'a>) -> Option<Self> {
        let mut all = headers.get_all("authorization");
        let only = all.next()?;
        match all.next() {
            None => Some(Authorization::new(only)),
            Some(_) => None,
        }
    }

    pub(super) fn bearer(self) -> Option<BearerToken<'a>> {
        let text = std::str::from_utf8(self.rest).ok()?;
        let is_bearer = self.scheme.eq_ignore_ascii_case(b"bearer") && !text.is_empty();
        is_bearer.then_some(BearerToken(text))
    }

    pub(super) fn basic(self) -> Option<BasicAuth> {
        if !self.scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let decoded = String::from_utf8(BASE64.decode(self.rest).ok()?).ok()?;
        let (user, password) = decoded.split_once(':')?;
        Some(BasicAuth {
            user: user.to_owned(),
            password: password.to_owned(),
        })
    }
}

/// The token of `Authorization: Bearer …` (sample `req.fhdr(authorization)`).
///
/// Take `Option<BearerToken<'_>>` or `Result<BearerToken<'_>, Mismatch>`: a client can leave the header out, or
/// send another scheme, which is a [`Mismatch`].
///
/// ```
/// use spoa::http::BearerToken;
/// use spoa::prelude::*;
///
/// #[spoe_message("check-token", event = "on-frontend-http-request")]
/// fn check_token(token: Result<BearerToken<'_>, Mismatch>) -> SetVar<bool> {
///     SetVar::transaction("allowed", token.is_ok_and(|token| token.as_str() == "secret"))
/// }
///
/// assert!(!check_token(Err(Mismatch::Missing)).value());
/// ```
///
/// If there are several `Authorization` headers, this is the last one. [`Headers::bearer_token`] refuses such
/// a request. `Debug` does not show the token.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct BearerToken<'a>(&'a str);

impl<'a> BearerToken<'a> {
    /// Reads the value of an `Authorization` header; `None` if its scheme is not `Bearer`.
    #[must_use]
    pub fn from_header(value: &'a [u8]) -> Option<Self> {
        Authorization::new(value).bearer()
    }

    /// Returns the token.
    #[must_use]
    pub const fn as_str(self) -> &'a str {
        self.0
    }
}

impl fmt::Debug for BearerToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BearerToken(secret)")
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for BearerToken<'a> {
    const EXPECTED: Expected = Expected::Other("a header `Authorization: Bearer …`");
    const SAMPLE: DefaultSample = DefaultSample::request("req.fhdr(authorization)");

    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        BearerToken::from_header(<&[u8]>::from_value(value)?).ok_or(Mismatch::Syntax)
    }
}

/// User and password of `Authorization: Basic …` (sample `req.fhdr(authorization)`).
///
/// Take `Result<BasicAuth, Mismatch>`: a client can leave the header out, or send another scheme, which is a
/// [`Mismatch`].
///
/// ```
/// use spoa::http::BasicAuth;
///
/// let login = BasicAuth::from_header(b"Basic YWxpY2U6b3BlbjpzZXNhbWU=").unwrap();
/// assert_eq!((login.user(), login.password()), ("alice", "open:sesame"));
/// ```
///
/// If there are several `Authorization` headers, this is the last one. [`Headers::basic_auth`] refuses such a
/// request. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub struct BasicAuth {
    user: String,
    password: String,
}

impl BasicAuth {
    /// Reads the value of an `Authorization` header; `None` if its scheme is not `Basic`, or the rest is not
    /// the base64 of UTF-8 text with a `:`.
    #[must_use]
    pub fn from_header(value: &[u8]) -> Option<Self> {
        Authorization::new(value).basic()
    }

    /// Returns the user, which is the text before the first `:`.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// Returns the password.
    #[must_use]
    pub fn password(&self) -> &str {
        &self.password
    }
}

impl fmt::Debug for BasicAuth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BasicAuth")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

#[diagnostic::do_not_recommend]
impl FromValue<'_> for BasicAuth {
    const EXPECTED: Expected = Expected::Other("a header `Authorization: Basic …`");
    const SAMPLE: DefaultSample = DefaultSample::request("req.fhdr(authorization)");

    fn from_value(value: Value<'_>) -> Result<Self, Mismatch> {
        BasicAuth::from_header(<&[u8]>::from_value(value)?).ok_or(Mismatch::Syntax)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_strictly() {
        for (text, bytes) in [
            (&b""[..], Some(&b""[..])),
            (b"YQ==", Some(b"a")),
            (b"YWI=", Some(b"ab")),
            (b"YWJj", Some(b"abc")),
            (b"YQ", Some(b"a")),
            (b"//79", Some(b"\xff\xfe\xfd")),
            (b"Y", None),
            (b"YR==", None),
            (b"Y Q=", None),
            (b"YQ-_", None),
        ] {
            assert_eq!(BASE64.decode(text).ok().as_deref(), bytes, "{text:?}");
        }
    }

    #[test]
    fn schemes_are_recognised_in_any_case() {
        let token = |value: &'static [u8]| BearerToken::from_header(value).map(BearerToken::as_str);
        assert_eq!(token(b"bEARER  abc "), Some("abc"));
        for other in [&b""[..], b"Bearer", b"Bearer ", b"Basic YTpi", b"abc"] {
            assert_eq!(token(other), None, "{other:?}");
        }
        assert!(BasicAuth::from_header(b"basic YTpi").is_some());
        for other in [&b"Bearer YTpi"[..], b"Basic YQ==", b"Basic !", b"Basic"] {
            assert!(BasicAuth::from_header(other).is_none(), "{other:?}");
        }
        let two = b"authorization: Bearer a\r\nauthorization: Bearer b\r\n\r\n";
        assert!(Headers::from_text(two).unwrap().bearer_token().is_none());
    }

    #[test]
    fn secrets_are_not_shown() {
        let token = BearerToken::from_header(b"Bearer abc").unwrap();
        let login = BasicAuth::from_header(b"Basic YTpi").unwrap();
        assert_eq!(format!("{token:?}"), "BearerToken(secret)");
        assert_eq!(format!("{login:?}"), r#"BasicAuth { user: "a", .. }"#);
    }
}

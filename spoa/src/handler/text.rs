//! Text as a client sends it, whatever its bytes.

use super::{Accepts, AsValue, Expected, FromValue, Mismatch};
use crate::spop::Value;
use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

/// Text that a client chooses: a path, a header, a cookie.
///
/// `Text` is a `str` that takes whatever a client sends. Each sequence of bytes that is not UTF-8 becomes
/// U+FFFD, and NULL, for instance for a missing header, becomes the empty text. So a client cannot make the agent
/// reject a message with a `Text`, as it can with a `&str`.
///
/// ```
/// use spoa::prelude::*;
///
/// #[spoe_message("check-path")]
/// fn check_path(#[arg(sample = "path")] path: Text<'_>) -> SetVar<bool> {
///     SetVar::transaction("blocked", path.starts_with("/admin"))
/// }
///
/// assert!(*check_path("/admin/users".into()).value());
/// ```
///
/// A `Text` without U+FFFD is exactly what the client sent, so a comparison with other text, as above, compares
/// the bytes. `Option<Text<'_>>` is `None` for NULL. If spoe.conf does not have the argument, the message is
/// rejected, unless the type is an `Option`.
///
/// A `Text` borrows from the message, and owns its text only if bytes were replaced. To see the original bytes, take
/// `&[u8]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text<'a>(Cow<'a, str>);

impl<'a> Text<'a> {
    /// Makes a text from bytes.
    ///
    /// ```
    /// use spoa::handler::Text;
    ///
    /// assert_eq!(Text::from_bytes(b"caf\xe9"), "caf\u{fffd}");
    /// ```
    #[inline(always)]
    #[must_use]
    pub fn from_bytes(bytes: &'a [u8]) -> Self {
        Text(match std::str::from_utf8(bytes) {
            Ok(text) => Cow::Borrowed(text),
            Err(_) => lossy(bytes),
        })
    }

    /// Returns the text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text, borrowed from the message if no bytes were replaced.
    #[must_use]
    pub fn into_cow(self) -> Cow<'a, str> {
        self.0
    }

    /// Returns the text as a `String`.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }
}

#[cold]
#[inline(never)]
fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

impl Deref for Text<'_> {
    type Target = str;

    #[inline]
    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Text<'_> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl AsRef<[u8]> for Text<'_> {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self)
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Text(Cow::Borrowed(text))
    }
}

impl From<String> for Text<'_> {
    fn from(text: String) -> Self {
        Text(Cow::Owned(text))
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> Self {
        text.into_string()
    }
}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        **self == *other
    }
}

impl PartialEq<&str> for Text<'_> {
    fn eq(&self, other: &&str) -> bool {
        **self == **other
    }
}

impl PartialEq<Text<'_>> for str {
    fn eq(&self, other: &Text<'_>) -> bool {
        *self == **other
    }
}

impl PartialEq<Text<'_>> for &str {
    fn eq(&self, other: &Text<'_>) -> bool {
        **self == **other
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Text<'a> {
    const EXPECTED: Expected = Expected::Text;
    const ACCEPTS: Accepts = Accepts::BYTES.or_null();

    #[inline(always)]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        match value {
            Value::Null => Ok(Text::default()),
            value => value.as_bytes().map(Text::from_bytes).ok_or(Mismatch::Type),
        }
    }
}

#[diagnostic::do_not_recommend]
impl AsValue for Text<'_> {
    #[inline]
    fn as_value(&self) -> Value<'_> {
        Value::from(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_accepts_any_bytes() {
        let text = |bytes| Text::from_value(Value::String(bytes)).unwrap();
        assert_eq!(text(b"/a"), "/a");
        assert_eq!(text(b"/\xff\xfea"), "/\u{fffd}\u{fffd}a");
        assert_eq!(text(b""), "");
        assert_eq!(
            Text::from_value(Value::Binary(b"\x80")).unwrap(),
            "\u{fffd}"
        );
        assert_eq!(Text::from_value(Value::Null).unwrap(), "");
        assert_eq!(Option::<Text<'_>>::from_value(Value::Null), Ok(None));
        assert_eq!(Text::from_value(Value::Int64(1)), Err(Mismatch::Type));
        assert_eq!(Text::from_absent(), None);
    }

    #[test]
    fn a_text_is_shown_compared_and_sent_like_a_str() {
        let text = Text::from_bytes(b"a\xff");
        assert_eq!(
            format!("{text:>3}|{text:?}"),
            " a\u{fffd}|Text(\"a\u{fffd}\")"
        );
        assert!("a\u{fffd}" == text && *"b" != text && text.starts_with('a'));
        assert_eq!(text.as_value(), Value::from("a\u{fffd}"));
        assert!(matches!(Text::from("a").into_cow(), Cow::Borrowed("a")));
        assert_eq!(String::from(text), "a\u{fffd}");
    }
}

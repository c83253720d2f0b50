//! The path of a request.

use super::percent::decode;
use crate::handler::{Accepts, AsValue, DefaultSample, Expected, FromValue, Mismatch, Text};
use crate::spop::Value;
use std::borrow::Cow;
use std::fmt;

/// The path of a request (sample `path`), as the client sent it.
///
/// It reaches from the first `/` to the `?`, and is not decoded. A request without a path, such as `OPTIONS *`, has
/// an empty path here; `Option<Path<'_>>` is `None` for it.
///
/// ```
/// use spoa::http::Path;
/// use spoa::prelude::*;
///
/// #[spoe_message("check", event = "on-frontend-http-request")]
/// fn check(path: Path<'_>) -> SetVar<bool> {
///     SetVar::transaction("blocked", path.may_reach("/admin"))
/// }
///
/// assert!(check(Path::new(b"/%61dmin/users")).value());
/// assert!(check(Path::new(b"//x/../admin")).value());
/// assert!(!check(Path::new(b"/administrator")).value());
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Path<'a>(&'a [u8]);

impl<'a> Path<'a> {
    /// Creates a path with these bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Path(bytes)
    }

    /// Returns the path as it was sent.
    #[must_use]
    pub const fn as_bytes(self) -> &'a [u8] {
        self.0
    }

    /// Returns the path as it was sent, with U+FFFD for bytes that are not UTF-8.
    #[must_use]
    pub fn text(self) -> Text<'a> {
        Text::from_bytes(self.0)
    }

    /// Returns the path with its percent-escapes decoded. A `%2f` becomes a `/` like any other: use
    /// [`segments`](Path::segments) to tell them apart.
    #[must_use]
    pub fn decoded(self) -> Cow<'a, [u8]> {
        decode(self.0, false)
    }

    /// Returns the parts between the `/`s, each decoded. Empty parts, `.` and `..` are kept: a server may act on
    /// them. To protect a folder, use [`may_reach`](Path::may_reach), which takes them into account.
    ///
    /// ```
    /// use spoa::http::Path;
    ///
    /// let segments: Vec<_> = Path::new(b"/a//b%2fc/../").segments().collect();
    /// assert_eq!(segments, [&b"a"[..], b"", b"b/c", b"..", b""]);
    /// assert_eq!(Path::new(b"").segments().count(), 0);
    /// ```
    pub fn segments(self) -> impl DoubleEndedIterator<Item = Cow<'a, [u8]>> + Clone + use<'a> {
        let after = self.0.strip_prefix(b"/");
        let parts = after.map(|path| path.split(|byte| *byte == b'/'));
        parts.into_iter().flatten().map(|part| decode(part, false))
    }

    /// Returns whether a server may take this path for `folder`, or for a path in it. It is for rules that deny: servers
    /// read paths in different ways, and one of these ways is enough.
    ///
    /// Percent-escapes are decoded once, also that of a `/`. Empty parts and `.` are left out, and so is all of a part
    /// from a `;` on. `..` removes the part before it, or does not. Upper and lower case differ, and a `\` is not a
    /// `/`: a server on Windows may take more paths for this one.
    ///
    /// ```
    /// use spoa::http::Path;
    ///
    /// for path in ["/admin", "/admin/", "//admin/users", "/./admin", "/x/../admin", "/%61dmin", "/admin%2fusers", "/admin;v=1"] {
    ///     assert!(Path::new(path.as_bytes()).may_reach("/admin"), "{path}");
    /// }
    /// for path in ["/", "/administrator", "/x/admin", "/ADMIN", ""] {
    ///     assert!(!Path::new(path.as_bytes()).may_reach("/admin"), "{path}");
    /// }
    /// // A server that does not resolve `..` finds this in the folder.
    /// assert!(Path::new(b"/admin/../index.html").may_reach("/admin"));
    /// ```
    #[must_use]
    pub fn may_reach(self, folder: &str) -> bool {
        let decoded = self.decoded();
        if !decoded.starts_with(b"/") {
            return false;
        }
        let parts = decoded.split(|byte| *byte == b'/').map(|part| {
            let end = part.iter().position(|byte| *byte == b';');
            part.get(..end.unwrap_or(part.len())).unwrap_or_default()
        });
        let (mut sent, mut resolved) = (Vec::new(), Vec::new());
        for part in parts.filter(|part| !part.is_empty() && *part != b".") {
            sent.push(part);
            if part == b".." {
                resolved.pop();
            } else {
                resolved.push(part);
            }
        }
        let folder = folder.as_bytes().split(|byte| *byte == b'/');
        let folder: Vec<_> = folder.filter(|part| !part.is_empty()).collect();
        sent.starts_with(&folder) || resolved.starts_with(&folder)
    }

    /// Returns whether the request has no path.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text().as_str(), f)
    }
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().fmt(f)
    }
}

impl PartialEq<str> for Path<'_> {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for Path<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.0 == other.as_bytes()
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Path<'a> {
    const EXPECTED: Expected = Expected::Bytes;
    const ACCEPTS: Accepts = Accepts::BYTES.or_null();
    const SAMPLE: DefaultSample = DefaultSample::request("path");

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        Option::<&[u8]>::from_value(value).map(|bytes| Path(bytes.unwrap_or_default()))
    }
}

#[diagnostic::do_not_recommend]
impl AsValue for Path<'_> {
    fn as_value(&self) -> Value<'_> {
        Value::String(self.0)
    }
}

//! The cookies of a request, with names and values as the client sent them.

use super::headers_argument::{HEADERS, headers};
use super::split::split;
use super::{HeaderIter, Headers};
use crate::handler::__macros::{ByValue, Description, Events, Param};
use crate::handler::{Failure, FromMessage, IncomingMessage, REQUEST_EVENTS, Text};
use std::fmt;
use std::iter::FusedIterator;

/// The cookies of a request: those of all its `Cookie` headers, in order, with duplicates and empty values.
///
/// It reads the argument `headers`, the block of all headers (`req.hdrs_bin`), because a request over HTTP/1.1 can
/// have several `Cookie` headers, of which `req.fhdr(cookie)` gives the last one only. If a handler also takes
/// `headers: Headers<'_>`, HAProxy sends the argument once. Then [`Headers::cookies`] is faster, since each type
/// checks the block.
///
/// ```
/// use spoa::http::Cookies;
/// use spoa::prelude::*;
///
/// #[spoe_message("session", event = "on-frontend-http-request")]
/// fn session(cookies: Cookies<'_>) -> SetVar<bool> {
///     SetVar::transaction("known", cookies.get("session").is_some_and(|id| id == b"alice"))
/// }
///
/// assert!(session(Cookies::from_header(b"theme=dark; session=alice")).value());
/// ```
///
/// Names are compared byte by byte. Spaces around names and values are removed, and quotes are kept. A part
/// without `=` is a value without a name, as in browsers.
#[derive(Clone, Copy)]
pub struct Cookies<'a> {
    parts: Parts<'a>,
}

impl<'a> Cookies<'a> {
    pub(super) fn of_headers(headers: Headers<'a>) -> Self {
        let mut parts = Parts {
            headers: headers.starting_at_cookie(),
            line: None,
        };
        // Each look-up begins at the first of these headers.
        parts.line = parts.next_line();
        Cookies { parts }
    }

    /// Reads the value of one `Cookie` header, as `req.fhdr(cookie)` gives it.
    #[must_use]
    pub fn from_header(value: &'a [u8]) -> Self {
        Cookies {
            parts: Parts {
                headers: Headers::default().iter(),
                line: Some(value),
            },
        }
    }

    /// Returns the value of the first cookie of that name. The server may use another one of several, so a check
    /// should look at [all](Cookies::get_all) of them.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// Returns the value of the first cookie of that name as text, in which U+FFFD stands for bytes that are not
    /// UTF-8.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Text<'a>> {
        self.get(name).map(Text::from_bytes)
    }

    /// Returns the values of all cookies of that name, in order.
    pub fn get_all<'n>(
        &self,
        name: &'n str,
    ) -> impl FusedIterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
        CookiesNamed {
            parts: self.parts,
            name: name.as_bytes(),
        }
    }

    /// Returns the names and values of all cookies, in order.
    #[must_use]
    pub fn iter(&self) -> CookieIter<'a> {
        CookieIter { parts: self.parts }
    }

    /// Returns the number of cookies.
    #[must_use]
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Returns whether there are no cookies.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.iter().next().is_none()
    }
}

/// The parts of all `Cookie` headers between `;`, without spaces around them, and without empty ones.
#[derive(Clone, Copy)]
struct Parts<'a> {
    /// The headers that have not been read.
    headers: HeaderIter<'a>,
    /// The rest of a `Cookie` header.
    line: Option<&'a [u8]>,
}

impl<'a> Parts<'a> {
    /// Returns the value of the next `Cookie` header.
    #[inline]
    fn next_line(&mut self) -> Option<&'a [u8]> {
        self.headers.find_named(b"cookie")
    }

    /// Returns the value of the next cookie of a name.
    #[inline]
    fn find_named(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        loop {
            let Some(line) = self.line else {
                self.line = Some(self.next_line()?);
                continue;
            };
            let (part, rest) = split(line, b';');
            self.line = rest;
            let part = part.trim_ascii_start();
            // A cookie of that name begins with it, so most others need not be split.
            let begins = name.first().is_none_or(|first| part.first() == Some(first));
            if begins && part.starts_with(name) {
                let part = part.trim_ascii_end();
                let (known, value) = pair(part);
                if known == name && !part.is_empty() {
                    return Some(value);
                }
            }
        }
    }
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        loop {
            let Some(line) = self.line else {
                self.line = Some(self.next_line()?);
                continue;
            };
            let (part, rest) = split(line, b';');
            self.line = rest;
            let part = part.trim_ascii();
            if !part.is_empty() {
                return Some(part);
            }
        }
    }
}

impl FusedIterator for Parts<'_> {}

/// The values of all cookies of one name.
#[derive(Clone)]
struct CookiesNamed<'a, 'n> {
    parts: Parts<'a>,
    name: &'n [u8],
}

impl<'a> Iterator for CookiesNamed<'a, '_> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.parts.find_named(self.name)
    }
}

impl FusedIterator for CookiesNamed<'_, '_> {}

/// Returns the name and the value in a part.
#[inline]
fn pair(part: &[u8]) -> (&[u8], &[u8]) {
    match split(part, b'=') {
        (name, Some(value)) => (name.trim_ascii_end(), value.trim_ascii_start()),
        (value, None) => (b"", value),
    }
}

/// The names and values of [`Cookies`], in order.
#[derive(Clone, Copy)]
pub struct CookieIter<'a> {
    parts: Parts<'a>,
}

impl<'a> Iterator for CookieIter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.parts.next().map(pair)
    }
}

impl FusedIterator for CookieIter<'_> {}

/// Compares names and values, in order.
impl PartialEq for Cookies<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Cookies<'_> {}

impl<'a> IntoIterator for Cookies<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = CookieIter<'a>;

    fn into_iter(self) -> CookieIter<'a> {
        self.iter()
    }
}

/// Shows the names: values may be secrets.
impl fmt::Debug for Cookies<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().fmt(f)
    }
}

/// Shows the names of the cookies that are left.
impl fmt::Debug for CookieIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.map(|(name, _)| Text::from_bytes(name).into_string());
        f.debug_set().entries(names).finish()
    }
}

impl<'a> FromMessage<'a> for Cookies<'a> {
    const EVENTS: Events = REQUEST_EVENTS;

    fn from_message(incoming: &IncomingMessage<'a>) -> Result<Self, Failure> {
        headers(incoming).map(Cookies::of_headers)
    }

    fn describe(description: &mut Description) {
        <Headers<'a> as Param<'a, ByValue>>::describe(&HEADERS, description);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all<'a>(cookies: &Cookies<'a>) -> Vec<(&'a [u8], &'a [u8])> {
        cookies.iter().collect()
    }

    #[test]
    fn cookies_are_split_as_browsers_send_them() {
        let cookies = Cookies::from_header(b"a=1; b=2=3;c=;  d = \"x y\" ; e;;=f; n=");
        let expected: [(&[u8], &[u8]); 7] = [
            (b"a", b"1"),
            (b"b", b"2=3"),
            (b"c", b""),
            (b"d", b"\"x y\""),
            (b"", b"e"),
            (b"", b"f"),
            (b"n", b""),
        ];
        assert_eq!(all(&cookies), expected);
        assert_eq!(cookies.get("n"), Some(&b""[..]));
        assert_eq!(cookies.get("N"), None);
        let values = |name| cookies.get_all(name).collect::<Vec<_>>();
        assert_eq!(values(""), [&b"e"[..], b"f"]);
        assert_eq!(values("d"), [b"\"x y\""]);
        for other in ["b=2", "d ", " d", "x", "e"] {
            assert_eq!(cookies.get(other), None, "{other}");
        }
        assert!(Cookies::from_header(b" ; ").is_empty());
        assert_eq!(Cookies::from_header(b" ; ").get(""), None);
    }

    #[test]
    fn the_cookies_of_all_headers_are_read() {
        let block = b"cookie: a=1\r\nx: b=0\r\nCookie: b=2; a=3\r\n\r\n";
        let cookies = Headers::from_text(block).unwrap().cookies();
        let expected: [(&[u8], &[u8]); 3] = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3")];
        assert_eq!(all(&cookies), expected);
        assert_eq!(cookies.get_all("a").count(), 2);
        assert_eq!(cookies.len(), 3);
        assert_eq!(format!("{cookies:?}"), r#"{"a", "b", "a"}"#);
    }
}

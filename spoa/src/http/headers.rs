//! All headers of a request or a response, in HAProxy's two encodings of them.

use super::header_block::{Form, end_of_string, fault, read_text, text_fault};
use super::header_iter::{HeaderIter, HeadersNamed};
use crate::handler::{Accepts, DefaultSample, Expected, FromValue, Mismatch, Text};
use crate::spop::Value;
use std::fmt;
use std::iter::FusedIterator;

/// All headers of a request or a response.
///
/// They come in the order in which the client sent them, with duplicates and empty values. Names are in lower
/// case, as HAProxy writes them, and comparing ignores case. Values are bytes, since a client may send bytes that
/// are not UTF-8.
///
/// Its sample is `req.hdrs_bin`, or `res.hdrs_bin` in messages about a response; `req.hdrs` and
/// `res.hdrs` work, too. The block is checked once, when it is taken. Reading it cannot fail and does not
/// allocate.
///
/// ```
/// use spoa::http::Headers;
/// use spoa::prelude::*;
///
/// #[spoe_message("inspect", event = "on-frontend-http-request")]
/// fn inspect(headers: Headers<'_>) -> SetVar<bool> {
///     let agents = headers.get_all("user-agent").count();
///     SetVar::transaction("suspect", agents != 1)
/// }
///
/// let headers = Headers::from_text(b"host: example.org\r\nuser-agent: curl\r\n\r\n").unwrap();
/// assert!(!inspect(headers).value());
/// ```
///
/// A block without its end was cut, for instance by a converter. It is a [`Mismatch`], because the handler might
/// look for the missing part. HAProxy writes the end of each block, so a client cannot make the agent reject a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The block without its end.
    lines: &'a [u8],
    form: Form,
    len: usize,
    /// Where the first header `cookie` begins; the end of the lines without such a header.
    cookies: usize,
}

impl<'a> Headers<'a> {
    /// Reads a block as `req.hdrs_bin` gives it: for each header the length of its name, the name, the length of
    /// its value, the value; then two zeros.
    ///
    /// ```
    /// use spoa::http::Headers;
    ///
    /// let headers = Headers::from_block(b"\x04host\x01a\x01x\x00\0\0").unwrap();
    /// assert_eq!(headers.get("Host"), Some(&b"a"[..]));
    /// assert_eq!(headers.get("x"), Some(&b""[..]));
    /// assert!(Headers::from_block(b"\x04host\x01a").is_err());
    /// ```
    ///
    /// # Errors
    /// [`Mismatch::Other`] if the block is not whole, or bytes follow its end.
    pub fn from_block(block: &'a [u8]) -> Result<Self, Mismatch> {
        let (mut at, mut len, mut cookies) = (0, 0, None);
        // A position after the end of the block is found with the next byte that is read.
        while let Some(first) = block.get(at) {
            let Some(value) = end_of_string(block, at) else {
                break;
            };
            let Some(after) = end_of_string(block, value) else {
                break;
            };
            if *first == 0 {
                if after != at + 2 || after != block.len() {
                    break;
                }
                return Ok(Headers {
                    lines: block.get(..at).unwrap_or_default(),
                    form: Form::Binary,
                    len,
                    cookies: cookies.unwrap_or(at),
                });
            }
            if *first == 6 && cookies.is_none() && is_cookie(block.get(at + 1..value)) {
                cookies = Some(at);
            }
            (at, len) = (after, len + 1);
        }
        Err(fault(block))
    }

    /// Reads a block as `req.hdrs` gives it: lines of names and values, then an empty line.
    ///
    /// ```
    /// use spoa::http::Headers;
    ///
    /// let headers = Headers::from_text(b"host: a\r\nx: \r\n\r\n").unwrap();
    /// assert_eq!(headers.len(), 2);
    /// assert!(Headers::from_text(b"host: a\r\n").is_err());
    /// ```
    ///
    /// # Errors
    /// [`Mismatch::Other`] if the block is not whole, or bytes follow its end.
    pub fn from_text(block: &'a [u8]) -> Result<Self, Mismatch> {
        let (mut rest, mut len, mut cookies) = (block, 0, None);
        loop {
            let at = block.len() - rest.len();
            if rest == b"\r\n" {
                return Ok(Headers {
                    lines: block.get(..at).unwrap_or_default(),
                    form: Form::Text,
                    len,
                    cookies: cookies.unwrap_or(at),
                });
            }
            let Some((name, _, after)) = read_text(rest) else {
                return Err(text_fault(rest));
            };
            if cookies.is_none() && is_cookie(Some(name)) {
                cookies = Some(at);
            }
            (rest, len) = (after, len + 1);
        }
    }

    /// Returns the value of the first header of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&'a [u8]> {
        self.get_all(name).next()
    }

    /// Returns the value of the first header of that name as text, in which U+FFFD stands for bytes that are not
    /// UTF-8.
    ///
    /// ```
    /// use spoa::http::Headers;
    ///
    /// let headers = Headers::from_text(b"user-agent: caf\xe9\r\n\r\n").unwrap();
    /// assert!(headers.text("user-agent").is_some_and(|text| text == "caf\u{fffd}"));
    /// ```
    #[must_use]
    pub fn text(&self, name: &str) -> Option<Text<'a>> {
        self.get(name).map(Text::from_bytes)
    }

    /// Returns the values of all headers of that name, one for each line. A value with commas is one value.
    pub fn get_all<'n>(
        &self,
        name: &'n str,
    ) -> impl FusedIterator<Item = &'a [u8]> + Clone + use<'a, 'n> {
        HeadersNamed {
            rest: self.iter(),
            name: name.as_bytes(),
        }
    }

    /// Returns whether there is a header of that name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the names and values of all headers, in order.
    #[must_use]
    pub fn iter(&self) -> HeaderIter<'a> {
        HeaderIter {
            rest: self.lines,
            form: self.form,
            len: self.len,
        }
    }

    /// Returns the headers from the first `cookie` on. Checking the block has found it.
    pub(super) fn starting_at_cookie(&self) -> HeaderIter<'a> {
        HeaderIter {
            rest: self.lines.get(self.cookies..).unwrap_or_default(),
            form: self.form,
            // There are not more; nobody asks how many.
            len: self.len,
        }
    }

    /// Returns the number of headers. Each line counts.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Returns whether there are no headers.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Returns the headers as a map of the crate `http`. A header whose name or value that crate refuses is
    /// left out: it takes no control characters in values.
    #[cfg(feature = "http-types")]
    #[must_use]
    pub fn to_map(&self) -> http::HeaderMap {
        let mut map = http::HeaderMap::with_capacity(self.len);
        for (name, value) in self {
            let name = http::HeaderName::from_bytes(name);
            if let (Ok(name), Ok(value)) = (name, http::HeaderValue::from_bytes(value)) {
                map.append(name, value);
            }
        }
        map
    }
}

impl Default for Headers<'_> {
    /// Returns a block without headers.
    fn default() -> Self {
        Headers {
            lines: &[],
            form: Form::Binary,
            len: 0,
            cookies: 0,
        }
    }
}

/// Returns whether the name of a header is `cookie`.
fn is_cookie(name: Option<&[u8]>) -> bool {
    name.is_some_and(|name| name.eq_ignore_ascii_case(b"cookie"))
}

impl<'a> IntoIterator for Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        self.iter()
    }
}

impl<'a> IntoIterator for &Headers<'a> {
    type Item = (&'a [u8], &'a [u8]);
    type IntoIter = HeaderIter<'a>;

    fn into_iter(self) -> HeaderIter<'a> {
        self.iter()
    }
}

/// Shows the headers without cookies and credentials.
impl fmt::Debug for Headers<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter().fmt(f)
    }
}

#[diagnostic::do_not_recommend]
impl<'a> FromValue<'a> for Headers<'a> {
    const EXPECTED: Expected = Expected::Headers;
    const ACCEPTS: Accepts = Accepts::HEADERS;
    const SAMPLE: DefaultSample = DefaultSample::request("req.hdrs_bin")
        .or_response("res.hdrs_bin")
        .block();

    #[inline]
    fn from_value(value: Value<'a>) -> Result<Self, Mismatch> {
        match value {
            Value::Binary(block) => Headers::from_block(block),
            Value::String(block) => Headers::from_text(block),
            _ => Err(Mismatch::Type),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spop::varint;

    fn all<'a>(headers: &Headers<'a>) -> Vec<(&'a [u8], &'a [u8])> {
        headers.iter().collect()
    }

    const BINARY: &[u8] = b"\x04host\x01a\x01x\x00\x01x\x02\xff:\x01y\x01z\0\0";
    const TEXT: &[u8] = b"host: a\r\nx: \r\nx: \xff:\r\ny: z\r\n\r\n";

    #[test]
    fn both_encodings_are_read_by_their_types() {
        for value in [Value::Binary(BINARY), Value::String(TEXT)] {
            let headers = Headers::from_value(value).unwrap();
            let expected: [(&[u8], &[u8]); 4] =
                [(b"host", b"a"), (b"x", b""), (b"x", b"\xff:"), (b"y", b"z")];
            assert_eq!(all(&headers), expected);
            assert_eq!(headers.len(), 4);
            assert_eq!(headers.get("X"), Some(&b""[..]));
            let every: Vec<_> = headers.get_all("x").collect();
            assert_eq!(every, [&b""[..], b"\xff:"]);
            assert!(headers.contains("Y") && !headers.contains("z"));
        }
        for value in [Value::Binary(TEXT), Value::String(BINARY), Value::Null] {
            assert!(Headers::from_value(value).is_err());
        }
    }

    #[test]
    fn a_block_without_headers_is_empty() {
        for value in [Value::Binary(b"\0\0"), Value::String(b"\r\n")] {
            let headers = Headers::from_value(value).unwrap();
            assert!(headers.is_empty() && headers.iter().next().is_none());
        }
    }

    #[test]
    fn names_and_values_of_any_length_are_found() {
        for length in [0, 5, 6, 239, 240, 255, 2287, 2288, 300_000] {
            let value = "v".repeat(length);
            let name = "n".repeat(length.max(1));
            let other = "m".repeat(length.max(1));
            let mut block = Vec::new();
            for text in [
                &other, &value, &name, &value, "cookie", "a=1", &name, "last",
            ] {
                varint::encode(text.len() as u64, &mut block);
                block.extend_from_slice(text.as_bytes());
            }
            block.extend_from_slice(&[0, 0]);
            let headers = Headers::from_block(&block).unwrap();
            let found: Vec<_> = headers.get_all(&name.to_uppercase()).collect();
            assert_eq!(found, [value.as_bytes(), b"last"], "{length}");
            assert_eq!(headers.get(&other), Some(value.as_bytes()));
            assert_eq!(headers.get("x"), None);
            assert_eq!(headers.cookies().get("a"), Some(&b"1"[..]));
            assert_eq!(headers.len(), 4);
        }
    }

    #[test]
    fn every_cut_of_a_block_and_every_byte_after_it_is_refused() {
        for len in 0..BINARY.len() {
            assert!(Headers::from_block(&BINARY[..len]).is_err(), "{len}");
        }
        for len in 0..TEXT.len() {
            assert!(Headers::from_text(&TEXT[..len]).is_err(), "{len}");
        }
        assert!(Headers::from_block(&[BINARY, b"x"].concat()).is_err());
        assert!(Headers::from_text(&[TEXT, b"x"].concat()).is_err());
        // An empty name is the end, and the end has no value.
        assert!(Headers::from_block(b"\0\x01a\0\0").is_err());
        let said = Headers::from_block(b"\x01a\x01b").unwrap_err().to_string();
        assert_eq!(said, "the block of headers has no end: it was cut");
    }

    #[cfg(feature = "http-types")]
    #[test]
    fn a_map_has_all_values() {
        let map = Headers::from_block(BINARY).unwrap().to_map();
        let values: Vec<_> = map.get_all("x").iter().map(|it| it.as_bytes()).collect();
        assert_eq!(values, [&b""[..], b"\xff:"]);
        assert_eq!(map.len(), 4);
    }

    #[test]
    fn secrets_are_not_shown() {
        let headers = Headers::from_text(b"host: a\r\nCookie: id=1\r\n\r\n").unwrap();
        assert_eq!(
            format!("{headers:?}"),
            r#"{"host": "a", "Cookie": "(secret)"}"#
        );
    }
}

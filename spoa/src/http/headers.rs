//! All headers of a request or a response, in HAProxy's two encodings of them.

use crate::handler::{Accepts, DefaultSample, Expected, FromValue, Mismatch, Text};
use crate::spop::{Value, varint};
use memchr::memchr;
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
/// look for the missing part. HAProxy writes the end of each block, so a client cannot have a message rejected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Headers<'a> {
    /// The block without its end.
    lines: &'a [u8],
    form: Form,
    len: usize,
    /// Where the first header `cookie` begins; the end of the lines without such a header.
    cookies: usize,
}

/// The first byte of a length that takes several.
const LONG: u8 = 240;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Form {
    /// Lengths and bytes.
    #[default]
    Binary,
    /// Lines.
    Text,
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
        Named {
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

/// Returns where the string that begins at `at` ends: after the end of the block if it is cut.
#[inline(always)]
fn end_of_string(block: &[u8], at: usize) -> Option<usize> {
    // Nearly all lengths have one byte, and those below 2288 have two.
    match *block.get(at..)? {
        [len @ ..LONG, ..] => Some(at + 1 + usize::from(len)),
        [low, high @ ..128, ..] => Some(at + 2 + usize::from(low) + (usize::from(high) << 4)),
        _ => end_of_long_string(block, at),
    }
}

#[inline(never)]
fn end_of_long_string(block: &[u8], at: usize) -> Option<usize> {
    let (_, rest) = read_long_string(block.get(at..)?)?;
    Some(block.len() - rest.len())
}

#[inline]
fn read_binary(block: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (name, rest) = read_string(block)?;
    let (value, rest) = read_string(rest)?;
    Some((name, value, rest))
}

#[inline(always)]
fn read_string(block: &[u8]) -> Option<(&[u8], &[u8])> {
    match block.split_first()? {
        (&len, rest) if len < LONG => rest.split_at_checked(usize::from(len)),
        _ => read_long_string(block),
    }
}

#[inline(never)]
fn read_long_string(block: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = varint::decode(block).ok()?;
    rest.split_at_checked(usize::try_from(len).ok()?)
}

#[inline]
fn read_text(block: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    // No value has a line end in it.
    let end = memchr(b'\n', block)?;
    let (line, rest) = (block.get(..end)?, block.get(end + 1..)?);
    let line = line.strip_suffix(b"\r")?;
    let colon = memchr(b':', line)?;
    let (name, value) = line.split_at_checked(colon)?;
    let value = value.strip_prefix(b": ")?;
    Some((name, value, rest))
}

/// Returns why a binary block is not whole.
#[cold]
fn fault(block: &[u8]) -> Mismatch {
    let mut rest = block;
    while let Some((name, _, after)) = read_binary(rest) {
        if name.is_empty() {
            return malformed();
        }
        rest = after;
    }
    cut(rest)
}

/// Returns why a block in lines is not whole.
#[cold]
fn text_fault(rest: &[u8]) -> Mismatch {
    if rest.is_empty() {
        return cut(rest);
    }
    Mismatch::Other(
        "it is not lines `name: value`, each with CR LF, and an empty line after the last"
            .to_owned(),
    )
}

#[cold]
fn cut(rest: &[u8]) -> Mismatch {
    if rest.is_empty() {
        Mismatch::Other("the block of headers has no end: it was cut".to_owned())
    } else {
        malformed()
    }
}

#[cold]
fn malformed() -> Mismatch {
    Mismatch::Other("it is not a whole block of headers".to_owned())
}

/// The values of all headers of one name.
#[derive(Clone)]
struct Named<'a, 'n> {
    rest: HeaderIter<'a>,
    name: &'n [u8],
}

impl<'a> Iterator for Named<'a, '_> {
    type Item = &'a [u8];

    #[inline]
    fn next(&mut self) -> Option<&'a [u8]> {
        self.rest.find_named(self.name)
    }
}

impl FusedIterator for Named<'_, '_> {}

/// The names and values of [`Headers`], in order.
#[derive(Clone, Copy)]
pub struct HeaderIter<'a> {
    rest: &'a [u8],
    form: Form,
    len: usize,
}

impl<'a> HeaderIter<'a> {
    /// Returns the value of the next header of a name.
    #[inline]
    pub(super) fn find_named(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        match self.form {
            Form::Binary => self.find_binary(name),
            Form::Text => {
                let named = |known: &[u8]| known.eq_ignore_ascii_case(name);
                self.find(|(known, _)| named(known)).map(|(_, value)| value)
            }
        }
    }

    /// Returns the value of the next header of a name, and reads only the lengths of the others.
    #[inline]
    fn find_binary(&mut self, name: &[u8]) -> Option<&'a [u8]> {
        let first = name.len().min(usize::from(LONG));
        let mut at = 0;
        while let Some(len) = self.rest.get(at) {
            let value = end_of_string(self.rest, at)?;
            let after = end_of_string(self.rest, value)?;
            self.len -= 1;
            if usize::from(*len).min(usize::from(LONG)) == first {
                let (known, value, rest) = read_binary(self.rest.get(at..)?)?;
                if known.eq_ignore_ascii_case(name) {
                    self.rest = rest;
                    return Some(value);
                }
            }
            at = after;
        }
        self.rest = &[];
        None
    }
}

impl<'a> Iterator for HeaderIter<'a> {
    type Item = (&'a [u8], &'a [u8]);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = match self.form {
            Form::Binary => read_binary(self.rest),
            Form::Text => read_text(self.rest),
        };
        // `from_block` or `from_text` has read it before.
        let (name, value, rest) = read?;
        self.rest = rest;
        self.len -= 1;
        Some((name, value))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.len, Some(self.len))
    }
}

impl ExactSizeIterator for HeaderIter<'_> {}
impl FusedIterator for HeaderIter<'_> {}

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

/// Shows the headers that are left, without cookies and credentials.
impl fmt::Debug for HeaderIter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = self.map(|(name, value)| {
            let secret = SECRETS
                .iter()
                .any(|secret| name.eq_ignore_ascii_case(secret));
            let value = if secret { &b"(secret)"[..] } else { value };
            (Text::from_bytes(name), Text::from_bytes(value))
        });
        f.debug_map()
            .entries(shown.map(|(name, value)| (name.into_string(), value.into_string())))
            .finish()
    }
}

const SECRETS: [&[u8]; 5] = [
    b"authorization",
    b"cookie",
    b"proxy-authorization",
    b"set-cookie",
    b"x-api-key",
];

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

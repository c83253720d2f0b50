//! The response to a request, and the variables that HAProxy had then.

use super::http1::{self, Headers, text};
use std::fmt;

/// The beginning of the names of headers that show variables to the test.
pub(super) const SHOWN: &str = "x-spoa-test-";

/// A response: HAProxy's own, or that of the server behind HAProxy.
///
/// ```no_run
/// use spoa::prelude::*;
/// use spoa::testing::HaProxy;
///
/// #[spoe_message("check", set = "txn.blocked")]
/// fn check(path: Text<'_>) -> bool {
///     path.starts_with("/admin")
/// }
///
/// // In a #[test]:
/// let reply = HaProxy::start(handlers![check]).get("/admin").send();
/// assert_eq!((reply.status, reply.text().as_str()), (200, "hello\n"));
/// assert_eq!(reply.header("content-type"), Some("text/plain"));
/// assert_eq!(reply.var("txn.blocked"), Some("1"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names and values, in order. Over HTTP/2, those of one name come together. Bytes that are not UTF-8 are
    /// replaced.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
    variables: Vec<(String, Shown)>,
}

/// A variable as the response showed it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Shown {
    Unset,
    Set(String),
    /// The value did not fit; its length in bytes.
    TooLong(String),
}

impl Reply {
    /// Makes a response for [`HaProxyBuilder::server`](super::HaProxyBuilder::server) to give.
    ///
    /// ```
    /// use spoa::testing::Reply;
    ///
    /// let reply = Reply::new(404, "no such page\n").with("content-type", "text/plain");
    /// assert_eq!(reply.header("Content-Type"), Some("text/plain"));
    /// ```
    #[must_use]
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
            variables: Vec::new(),
        }
    }

    /// Adds a header.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Separates the headers that show variables, whose names are in order, from those for the client.
    pub(super) fn read(status: u16, headers: Headers, body: Vec<u8>, known: &[String]) -> Self {
        let value = |name: String| http1::find(&headers, &name).map(text);
        let variables = known.iter().enumerate().map(|(number, name)| {
            let length = value(format!("{SHOWN}{number}-length"));
            let shown = match (value(format!("{SHOWN}{number}")), length) {
                (None, None) => Shown::Unset,
                (value, Some(length)) => match value.map(|value| decoded(&value)) {
                    // HAProxy leaves out a value that it has no room for, and may still set the header.
                    Some(value) if length == value.len().to_string() => Shown::Set(text(&value)),
                    _ => Shown::TooLong(length),
                },
                (Some(value), None) => Shown::Set(text(&decoded(&value))),
            };
            (name.clone(), shown)
        });
        let variables = variables.collect();
        let headers = headers.into_iter();
        let headers = headers
            .filter(|(name, _)| !name.starts_with(SHOWN))
            .map(|(name, value)| (name, text(&value)));
        Reply {
            status,
            headers: headers.collect(),
            body,
            variables,
        }
    }

    /// Returns the value of the first header of a name, in any case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// Returns the body as text.
    #[must_use]
    pub fn text(&self) -> String {
        text(&self.body)
    }

    /// Returns the value of a variable when the response left HAProxy: `None` if it was not set.
    ///
    /// The name is written as in HAProxy's rules, but without the engine's prefix: `sess.ip_score`. The value is as
    /// HAProxy writes it in a header: `1` or `0` for a `bool`, and bytes up to their first NUL. A variable of the
    /// scope `req` is shown as it was before the first of the test's own rules.
    ///
    /// # Panics
    /// If no handler declares the variable and [`HaProxyBuilder::variable`](super::HaProxyBuilder::variable) does not
    /// name it, or if its value is too long for a header.
    #[track_caller]
    #[must_use]
    pub fn var(&self, name: &str) -> Option<&str> {
        let mut known = self.variables.iter();
        match known.find(|(known, _)| known == name) {
            Some((_, Shown::Set(value))) => Some(value),
            Some((_, Shown::Unset)) => None,
            Some((_, Shown::TooLong(length))) => {
                panic!("variable `{name}` has {length} bytes, which do not fit into a header")
            }
            None => panic!("{}", Unknown(name, &self.variables)),
        }
    }
}

/// A variable that is not shown, and those that are.
struct Unknown<'a>(&'a str, &'a [(String, Shown)]);

impl fmt::Display for Unknown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Unknown(name, known) = self;
        let known: Vec<_> = known.iter().map(|(name, _)| name.as_str()).collect();
        let known = match known.as_slice() {
            [] => "no handler declares one".to_owned(),
            known => format!("the handlers declare `{}`", known.join("`, `")),
        };
        write!(
            f,
            "variable `{name}` is unknown: {known}; the variables of `on_failure` and of handlers that return \
             `Actions` are not declared, so name them by `HaProxy::agent(…).variable(\"{name}\")`"
        )
    }
}

/// Decodes what the converter `url_enc` encoded.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.first_chunk::<2>().filter(|_| *first == b'%');
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply() -> Reply {
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let headers = vec![
            header("x-spoa-test-0-length", "4"),
            header("x-spoa-test-0", "a%20%c3%a4"),
            header("x-spoa-test-1-length", "9000"),
            header("x-spoa-test-3-length", "9000"),
            header("x-spoa-test-3", ""),
            header("x-real", "y"),
        ];
        let known = ["txn.a", "txn.b", "sess.c", "txn.d"].map(str::to_owned);
        Reply::read(200, headers, Vec::new(), &known)
    }

    #[test]
    fn variables_are_apart_from_headers() {
        let reply = reply();
        assert_eq!(reply.var("txn.a"), Some("a ä"));
        assert_eq!(reply.var("sess.c"), None);
        assert_eq!(reply.headers, [("x-real".to_owned(), "y".to_owned())]);
    }

    #[test]
    #[should_panic = "variable `txn.b` has 9000 bytes, which do not fit into a header"]
    fn a_value_that_is_too_long_is_not_read_as_unset() {
        let _ = reply().var("txn.b");
    }

    #[test]
    #[should_panic = "variable `txn.d` has 9000 bytes, which do not fit into a header"]
    fn a_header_without_its_value_is_not_read_as_empty() {
        let _ = reply().var("txn.d");
    }

    #[test]
    #[should_panic = "variable `txn.x` is unknown: the handlers declare `txn.a`, `txn.b`, `sess.c`, `txn.d`; "]
    fn a_misspelt_variable_is_not_read_as_unset() {
        let _ = reply().var("txn.x");
    }
}

//! The arguments that HAProxy would send for a request that is given as text.
//!
//! It has the samples that agents use most; a test gives the other arguments itself.

use super::{Answer, CallError, TestAgent};
use crate::handler::__macros::ArgumentDescription;
use crate::handler::{AsValue, Definition, MessageSubject, NamedFetch};
use crate::spop::{Value, varint};
use std::net::{IpAddr, Ipv4Addr};

/// A request, from which the arguments of a message are made as HAProxy makes them.
///
/// ```
/// use spoa::http::{Cookies, Path};
/// use spoa::prelude::*;
/// use spoa::testing::{HttpRequest, TestAgent};
///
/// #[spoe_message("check", event = "on-frontend-http-request")]
/// fn check(path: Path<'_>, cookies: Cookies<'_>) -> SetVar<bool> {
///     SetVar::transaction("blocked", path == "/admin" && cookies.get("session").is_none())
/// }
///
/// # fn main() -> Result<(), spoa::testing::CallError> {
/// let agent = TestAgent::new(handlers![check]);
/// let request = HttpRequest::new("GET /admin?a=1 HTTP/1.1\r\nHost: example.org\r\n\r\n");
/// let answer = agent.request_blocking("check", &request)?;
/// assert_eq!(answer.get("txn.blocked"), Some(true));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct HttpRequest {
    pub(super) method: Vec<u8>,
    pub(super) target: Vec<u8>,
    version: Vec<u8>,
    pub(super) headers: Vec<(Vec<u8>, Vec<u8>)>,
    pub(super) body: Vec<u8>,
    pub(super) source: Option<IpAddr>,
    given: Vec<(String, Datum)>,
}

/// A value that an argument has.
#[derive(Clone, Debug)]
enum Datum {
    Null,
    Bool(bool),
    Integer(i64),
    Address(IpAddr),
    Text(Vec<u8>),
    Binary(Vec<u8>),
}

impl AsValue for Datum {
    fn as_value(&self) -> Value<'_> {
        match self {
            Datum::Null => Value::Null,
            Datum::Bool(flag) => Value::Bool(*flag),
            Datum::Integer(number) => Value::Int64(*number),
            Datum::Address(IpAddr::V4(address)) => Value::Ipv4(*address),
            Datum::Address(IpAddr::V6(address)) => Value::Ipv6(*address),
            Datum::Text(bytes) => Value::String(bytes),
            Datum::Binary(bytes) => Value::Binary(bytes),
        }
    }
}

impl HttpRequest {
    /// Reads a request: its first line, its headers, an empty line, its body. Lines end with `\n` or `\r\n`. The
    /// client's address is 127.0.0.1.
    ///
    /// With `HTTP/2.0` in the first line, the headers are in the order that HAProxy gives those of HTTP/2: first `host`,
    /// which it makes from `:authority`, and last `cookie`, with all cookies.
    ///
    /// ```
    /// use spoa::http::Headers;
    /// use spoa::prelude::*;
    /// use spoa::testing::{HttpRequest, TestAgent};
    ///
    /// #[spoe_message("cookies", event = "on-frontend-http-request")]
    /// fn cookies(headers: Headers<'_>) -> SetVar<String> {
    ///     let lines: Vec<_> = headers.get_all("cookie").map(String::from_utf8_lossy).collect();
    ///     SetVar::transaction("cookies", lines.join(" and "))
    /// }
    ///
    /// # fn main() -> Result<(), spoa::testing::CallError> {
    /// let agent = TestAgent::new(handlers![cookies]);
    /// let request = "GET / HTTP/2.0\r\nCookie: a=1\r\nCookie: b=2\r\nHost: example.org\r\n\r\n";
    /// let answer = agent.request_blocking("cookies", &HttpRequest::new(request))?;
    /// assert_eq!(answer.get("txn.cookies"), Some("a=1; b=2"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Panics
    /// If a line is not one of a request.
    #[track_caller]
    #[must_use]
    pub fn new(text: impl AsRef<[u8]>) -> Self {
        let mut rest = text.as_ref();
        let mut line = || {
            let end = rest.iter().position(|byte| *byte == b'\n');
            let (line, after) = match end {
                Some(end) => (rest.get(..end), rest.get(end + 1..)),
                None => (Some(rest), None),
            };
            rest = after.unwrap_or_default();
            let line = line.unwrap_or_default();
            line.strip_suffix(b"\r").unwrap_or(line).to_vec()
        };
        let first = line();
        let words: Vec<_> = first.split(|byte| *byte == b' ').collect();
        let [method, target, version] = words.as_slice() else {
            panic!(
                "`{}` is not the first line of a request: write for instance `GET / HTTP/1.1`",
                first.escape_ascii()
            );
        };
        let mut headers = Vec::new();
        loop {
            let line = line();
            if line.is_empty() {
                break;
            }
            let Some(colon) = line.iter().position(|byte| *byte == b':') else {
                panic!(
                    "`{}` is not a header: write a name, `:` and a value",
                    line.escape_ascii()
                );
            };
            let (name, value) = line.split_at_checked(colon).unwrap_or_default();
            let value = value.strip_prefix(b":").unwrap_or_default();
            headers.push((name.to_ascii_lowercase(), value.trim_ascii().to_vec()));
        }
        let version = version.strip_prefix(b"HTTP/").unwrap_or(version).to_vec();
        if version.starts_with(b"2") {
            headers = of_http2(headers);
        }
        HttpRequest {
            method: method.to_vec(),
            target: target.to_vec(),
            version,
            headers,
            body: rest.to_vec(),
            source: None,
            given: Vec::new(),
        }
    }

    /// Sets the address of the client.
    #[must_use]
    pub fn from(mut self, source: IpAddr) -> Self {
        self.source = Some(source);
        self
    }

    /// Gives an argument text, whatever sample it has: a variable, for instance.
    #[must_use]
    pub fn with(mut self, argument: &str, text: &str) -> Self {
        let text = Datum::Text(text.as_bytes().to_vec());
        self.given.push((argument.to_owned(), text));
        self
    }

    /// Returns the arguments of a message.
    #[track_caller]
    fn arguments(&self, handler: &Definition) -> Vec<(&'static str, Datum)> {
        let description = handler.description();
        let samples = description.arguments.iter();
        let subject = MessageSubject::of(handler.event(), samples.filter_map(|it| it.sample));
        let arguments = description.arguments.iter();
        arguments
            .map(|argument| {
                let name = argument.name.unwrap_or_default();
                let name = if argument.index.is_some() { "" } else { name };
                (name, self.argument(argument, subject))
            })
            .collect()
    }

    #[track_caller]
    fn argument(&self, argument: &ArgumentDescription, subject: MessageSubject) -> Datum {
        let name = argument.name.unwrap_or_default();
        if let Some((_, datum)) = self.given.iter().find(|(given, _)| given == name) {
            return datum.clone();
        }
        let usual =
            || NamedFetch::find(name, argument.expected, subject).map(|fetch| fetch.expression);
        let sample = argument.sample.or_else(usual);
        match sample.and_then(|sample| self.sample(sample)) {
            Some(datum) => datum,
            None => panic!(
                "argument `{name}` has the sample `{}`, which is not made from the text of a request: write \
                 `.with(\"{name}\", …)`, or use `TestAgent::call`",
                sample.unwrap_or("?")
            ),
        }
    }

    /// Returns the value of a sample; `None` if it is not known here.
    fn sample(&self, sample: &str) -> Option<Datum> {
        let text = |bytes: Option<&[u8]>| bytes.map_or(Datum::Null, |it| Datum::Text(it.to_vec()));
        let parts = |target| <[u8]>::splitn(target, 2, |byte| *byte == b'?');
        let len = i64::try_from(self.body.len()).unwrap_or(i64::MAX);
        Some(match sample {
            "src" => {
                let usual = IpAddr::V4(Ipv4Addr::LOCALHOST);
                Datum::Address(self.source.unwrap_or(usual))
            }
            "ssl_fc" => Datum::Bool(false),
            "method" => text(Some(&self.method)),
            "req.ver" => text(Some(&self.version)),
            "url" => text(Some(&self.target)),
            "path" => text(self.pathq().and_then(|pathq| parts(pathq).next())),
            "pathq" => text(self.pathq()),
            "query" => text(parts(&self.target).nth(1)),
            "unique-id" => Datum::Null,
            "http_auth_bearer" => text(self.last("authorization").and_then(bearer)),
            "req.hdrs" => Datum::Text(self.lines()),
            "req.hdrs_bin" => Datum::Binary(self.block()),
            "req.body" => Datum::Binary(self.body.clone()),
            "req.body_len" | "req.body_size" => Datum::Integer(len),
            other => {
                let (fetch, name) = other.strip_suffix(')')?.split_once('(')?;
                let last = self.last(name);
                match fetch {
                    "req.fhdr" => text(last),
                    "req.hdr" | "hdr" => text(last.map(|value| {
                        let last = value.rsplit(|byte| *byte == b',').next();
                        last.unwrap_or_default().trim_ascii()
                    })),
                    "req.cook" | "cook" => text(self.cookie(name)),
                    "url_param" => text(parts(&self.target).nth(1).and_then(|it| param(it, name))),
                    "req.body_param" => text(param(&self.body, name)),
                    _ => return None,
                }
            }
        })
    }

    /// Returns path and query. HAProxy has none for `*`, and `/` for an absolute target without a path (none on 2.6).
    fn pathq(&self) -> Option<&[u8]> {
        let target = &self.target;
        if target.starts_with(b"/") {
            return Some(target);
        }
        let scheme = target.windows(3).position(|part| part == b"://")?;
        let authority = target.get(scheme + 3..)?;
        match authority.iter().position(|byte| *byte == b'/') {
            Some(path) => authority.get(path..),
            None => Some(b"/"),
        }
    }

    fn last(&self, name: &str) -> Option<&[u8]> {
        let mut headers = self.headers.iter().rev();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()))?;
        Some(value)
    }

    /// Returns the value of a cookie as `req.cook` does.
    fn cookie(&self, name: &str) -> Option<&[u8]> {
        let headers = self.headers.iter().filter(|(known, _)| known == b"cookie");
        let parts = headers.flat_map(|(_, value)| value.split(|byte| *byte == b';'));
        let mut values = parts.filter_map(|part| {
            let (known, value) = halves(part, b'=')?;
            (known.trim_ascii() == name.as_bytes()).then_some(value.trim_ascii())
        });
        values.next_back()
    }

    fn lines(&self) -> Vec<u8> {
        let lines = self.headers.iter();
        let lines = lines.flat_map(|(name, value)| [name, &b": "[..], value, b"\r\n"].concat());
        lines.chain(*b"\r\n").collect()
    }

    fn block(&self) -> Vec<u8> {
        let mut block = Vec::new();
        let end = (Vec::new(), Vec::new());
        for (name, value) in self.headers.iter().chain([&end]) {
            for part in [name, value] {
                varint::encode(part.len() as u64, &mut block);
                block.extend_from_slice(part);
            }
        }
        block
    }
}

type Headers = Vec<(Vec<u8>, Vec<u8>)>;

/// Returns the headers in the order that HAProxy gives those of HTTP/2.
fn of_http2(headers: Headers) -> Headers {
    let (mut all, others): (Headers, _) =
        headers.into_iter().partition(|(name, _)| name == b"host");
    let (cookies, others): (Headers, Headers) =
        others.into_iter().partition(|(name, _)| name == b"cookie");
    all.extend(others);
    if !cookies.is_empty() {
        let values: Vec<_> = cookies.into_iter().map(|(_, value)| value).collect();
        all.push((b"cookie".to_vec(), values.join(&b"; "[..])));
    }
    all
}

/// Splits bytes at the first such byte, which is in neither part.
fn halves(bytes: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let place = bytes.iter().position(|byte| *byte == at)?;
    Some((bytes.get(..place)?, bytes.get(place + 1..)?))
}

/// Returns the value of the first pair of that name, as it was sent.
fn param<'a>(pairs: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut pairs = pairs.split(|byte| *byte == b'&');
    pairs.find_map(|pair| {
        let (known, value) = halves(pair, b'=')?;
        (known == name.as_bytes()).then_some(value)
    })
}

/// Returns the token of an `Authorization` header.
fn bearer(header: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = halves(header, b' ')?;
    scheme
        .eq_ignore_ascii_case(b"bearer")
        .then(|| token.trim_ascii_start())
}

impl TestAgent {
    /// Sends a message as HAProxy does for a request, with the arguments that the handler describes, and waits for
    /// its answer.
    ///
    /// # Errors
    /// As [`TestAgent::call`].
    ///
    /// # Panics
    /// If the handler takes an argument that is not made from the text of a request, and not given by
    /// [`HttpRequest::with`].
    pub async fn request(&self, message: &str, request: &HttpRequest) -> Result<Answer, CallError> {
        let arguments = self.arguments(message, request);
        let arguments: Vec<(&str, &dyn AsValue)> = arguments
            .iter()
            .map(|(name, datum)| (*name, datum as &dyn AsValue))
            .collect();
        self.call(message, &arguments).await
    }

    /// Sends a message as [`TestAgent::request`] does, for tests that are not async.
    ///
    /// # Errors
    /// As [`TestAgent::call`].
    ///
    /// # Panics
    /// As [`TestAgent::request`] and [`TestAgent::call_blocking`].
    #[track_caller]
    pub fn request_blocking(
        &self,
        message: &str,
        request: &HttpRequest,
    ) -> Result<Answer, CallError> {
        let arguments = self.arguments(message, request);
        let arguments: Vec<(&str, &dyn AsValue)> = arguments
            .iter()
            .map(|(name, datum)| (*name, datum as &dyn AsValue))
            .collect();
        self.call_blocking(message, &arguments)
    }

    #[track_caller]
    fn arguments(&self, message: &str, request: &HttpRequest) -> Vec<(&'static str, Datum)> {
        let mut handlers = self.handlers();
        let handler = handlers.find(|handler| handler.message_name() == Some(message));
        // Without a handler there is no message to send, and `call` says so.
        handler.map_or_else(Vec::new, |handler| request.arguments(handler))
    }
}

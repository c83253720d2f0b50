//! A request to HAProxy: building it, sending it, waiting for its response.

use super::http1::{self, Headers};
use super::http2;
use super::reply::Reply;
use crate::testing::HttpRequest;
use crate::testing::log::Log;
use std::collections::HashMap;
use std::future::{Future, IntoFuture};
use std::io::{self, BufReader, Write};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

/// The time that a response may take: more than any timeout of the generated configuration.
const LIMIT: Duration = Duration::from_secs(35);

/// Where requests go, and what their responses show.
#[derive(Debug)]
pub(super) struct Front {
    pub(super) address: SocketAddr,
    pub(super) proxied: SocketAddr,
    /// The addresses in the test's rules, and those that they became.
    pub(super) addresses: HashMap<String, SocketAddr>,
    /// The variables that responses show.
    pub(super) variables: Vec<String>,
    pub(super) log: Log,
}

/// A request that has not been sent yet: made by [`HaProxy::get`](super::HaProxy::get) and its siblings.
///
/// [`send`](Self::send) blocks the thread. In an `async fn`, write `.await` instead, so that what the test runs beside
/// it goes on:
///
/// ```no_run
/// use spoa::prelude::*;
/// use spoa::testing::HaProxy;
///
/// # #[spoe_message("check")] fn check() {}
/// // In a #[test]:
/// let haproxy = HaProxy::start(handlers![check]);
/// let reply = haproxy.get("/").header("cookie", "a=1").send();
/// assert_eq!(reply.status, 200);
///
/// # async fn test(haproxy: HaProxy) {
/// // In a #[tokio::test]:
/// let reply = haproxy.get("/").header("cookie", "a=1").await;
/// assert_eq!(reply.status, 200);
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "`send` or `.await` sends the request"]
pub struct RequestBuilder {
    front: Arc<Front>,
    to: Option<SocketAddr>,
    source: Option<IpAddr>,
    content: Content,
}

#[derive(Clone, Debug)]
enum Content {
    Parts {
        method: String,
        target: String,
        headers: Headers,
        body: Vec<u8>,
        http2: bool,
    },
    Raw(Vec<u8>),
}

impl RequestBuilder {
    pub(super) fn new(front: &Arc<Front>, method: &str, target: &str, body: Vec<u8>) -> Self {
        RequestBuilder {
            front: Arc::clone(front),
            to: None,
            source: None,
            content: Content::Parts {
                method: method.to_owned(),
                target: target.to_owned(),
                headers: Headers::new(),
                body,
                http2: false,
            },
        }
    }

    pub(super) fn raw(front: &Arc<Front>, bytes: Vec<u8>) -> Self {
        RequestBuilder {
            content: Content::Raw(bytes),
            ..RequestBuilder::new(front, "", "", Vec::new())
        }
    }

    pub(super) fn text(front: &Arc<Front>, request: &HttpRequest) -> Self {
        let text = http1::text;
        RequestBuilder {
            content: Content::Parts {
                method: text(&request.method),
                target: text(&request.target),
                headers: request
                    .headers
                    .iter()
                    .map(|(name, value)| (text(name), value.clone()))
                    .collect(),
                body: request.body.clone(),
                http2: false,
            },
            source: request.source,
            ..RequestBuilder::new(front, "", "", Vec::new())
        }
    }

    /// Adds a header. Several of one name are sent in their order. Over HTTP/2, they are sent together, where the first
    /// of them is.
    ///
    /// # Panics
    /// If the request is one of bytes.
    #[track_caller]
    pub fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        match &mut self.content {
            Content::Parts { headers, .. } => {
                headers.push((name.to_owned(), value.as_ref().to_vec()));
            }
            Content::Raw(_) => {
                panic!("header `{name}` is to be written into the bytes of the request")
            }
        }
        self
    }

    /// Sets the body. Unless a header says otherwise, it is sent with its length.
    ///
    /// # Panics
    /// If the request is one of bytes.
    #[track_caller]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        match &mut self.content {
            Content::Parts { body, .. } => *body = bytes.into(),
            Content::Raw(_) => panic!("the body is to be written into the bytes of the request"),
        }
        self
    }

    /// Sets the address of the client, which HAProxy has as `src`. The default is 127.0.0.1.
    ///
    /// The address travels by the PROXY protocol, on a socket of its own.
    pub fn from(mut self, source: impl Into<IpAddr>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Sends the request to another `bind` line of the rules: its address as it is written there.
    ///
    /// # Panics
    /// If no `bind` line has the address.
    #[track_caller]
    pub fn to(mut self, address: &str) -> Self {
        let Some(to) = self.front.addresses.get(address) else {
            let mut known: Vec<_> = self.front.addresses.keys().map(String::as_str).collect();
            known.sort_unstable();
            panic!(
                "no `bind` line has the address `{address}`: there is `{}`",
                known.join("`, `")
            );
        };
        self.to = Some(*to);
        self
    }

    /// Sends the request over HTTP/2 without TLS. The default is HTTP/1.1.
    ///
    /// # Panics
    /// If the request is one of bytes.
    #[track_caller]
    pub fn http2(mut self) -> Self {
        match &mut self.content {
            Content::Parts { http2, .. } => *http2 = true,
            Content::Raw(_) => panic!("a request of bytes has its version in them"),
        }
        self
    }

    /// Sends the request on a connection of its own, and waits for the response.
    ///
    /// # Panics
    /// If no response comes, with HAProxy's log.
    #[track_caller]
    pub fn send(self) -> Reply {
        match self.exchange() {
            Ok(reply) => reply,
            Err(error) => panic!("{}", self.unanswered(&error)),
        }
    }

    /// Sends the request as [`send`](Self::send) does, for a test that expects no response: to a connection that
    /// HAProxy drops, for instance.
    ///
    /// # Errors
    /// An error if the connection ends first, or no response comes for 35 seconds.
    pub fn try_send(self) -> io::Result<Reply> {
        self.exchange()
    }

    fn exchange(&self) -> io::Result<Reply> {
        let direct = self.to.unwrap_or(self.front.address);
        let to = if self.source.is_some() {
            self.front.proxied
        } else {
            direct
        };
        let mut stream = TcpStream::connect(to)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let mut bytes = match self.source {
            Some(IpAddr::V4(source)) => {
                format!("PROXY TCP4 {source} 127.0.0.1 40000 {}\r\n", to.port()).into_bytes()
            }
            Some(IpAddr::V6(source)) => {
                format!("PROXY TCP6 {source} ::1 40000 {}\r\n", to.port()).into_bytes()
            }
            None => Vec::new(),
        };
        let known = &self.front.variables;
        let method = match &self.content {
            Content::Raw(raw) => {
                bytes.extend_from_slice(raw);
                let method = raw.split(|byte| *byte == b' ').next().unwrap_or_default();
                http1::text(method)
            }
            Content::Parts {
                method,
                target,
                headers,
                body,
                http2: true,
            } => {
                stream.write_all(&bytes)?;
                let request = http2::request(method, target, headers, body)?;
                let response = http2::exchange(stream, request, body, LIMIT)?;
                return Ok(Reply::read(
                    response.status,
                    response.headers,
                    response.body,
                    known,
                ));
            }
            Content::Parts {
                method,
                target,
                headers,
                body,
                ..
            } => {
                let mut all = headers.clone();
                for (name, value) in [("connection", "close"), ("host", "localhost")] {
                    if !http1::has(headers, name) {
                        all.insert(0, (name.to_owned(), value.as_bytes().to_vec()));
                    }
                }
                let first = format!("{method} {target} HTTP/1.1");
                bytes.extend(http1::write(&first, &all, body, body.is_empty()));
                method.clone()
            }
        };
        // HAProxy may respond, and close the connection, before it has read all of it.
        let sent = stream.write_all(&bytes);
        match http1::read_response(&mut BufReader::new(&stream), &method) {
            Ok((status, message)) => Ok(Reply::read(status, message.headers, message.body, known)),
            Err(error) => Err(sent.err().unwrap_or(error)),
        }
    }

    fn unanswered(&self, error: &io::Error) -> String {
        let what = match &self.content {
            Content::Parts { method, target, .. } => format!("{method} {target}"),
            Content::Raw(bytes) => {
                let line = bytes
                    .split(|byte| *byte == b'\r')
                    .next()
                    .unwrap_or_default();
                line.escape_ascii().to_string()
            }
        };
        let log = self.front.log.lines().join("\n");
        format!("no response to `{what}`: {error}; HAProxy printed:\n{log}")
    }
}

/// Sends the request as [`RequestBuilder::send`] does, on a thread for blocking work.
impl IntoFuture for RequestBuilder {
    type Output = Reply;
    type IntoFuture = Pin<Box<dyn Future<Output = Reply> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async {
            match tokio::task::spawn_blocking(|| self.send()).await {
                Ok(reply) => reply,
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    Err(error) => panic!("{error}"),
                },
            }
        })
    }
}

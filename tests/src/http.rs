//! As much HTTP/1.1 as the tests need, for both ends: messages, and a client that keeps its connection.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// How long a client waits for an answer: longer than any timeout in the generated configuration.
const LIMIT: Duration = Duration::from_secs(30);

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method, such as `GET`.
    pub method: String,
    /// Path and query, as they are sent.
    pub target: String,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// The body; a `content-length` is sent with it unless it is empty.
    pub body: Vec<u8>,
}

impl Request {
    /// Returns a request without a body.
    pub fn new(method: &str, target: &str) -> Request {
        let (method, target) = (method.to_owned(), target.to_owned());
        Request {
            method,
            target,
            headers: Vec::new(),
            body: Vec::new(),
        }
    }

    /// Returns a `GET`.
    pub fn get(target: &str) -> Request {
        Request::new("GET", target)
    }

    /// Returns a `POST` with this body.
    pub fn post(target: &str, body: impl Into<Vec<u8>>) -> Request {
        Request {
            body: body.into(),
            ..Request::new("POST", target)
        }
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Request {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the value of the first header of that name, in any case.
    pub fn value(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    pub(crate) fn read(from: &mut impl BufRead) -> io::Result<Option<Request>> {
        let Some((first, headers)) = read_head(from)? else {
            return Ok(None);
        };
        let mut words = first.split(' ');
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(malformed(&first));
        };
        let mut request = Request {
            headers,
            ..Request::new(method, target)
        };
        request.body = read_body(from, &request.headers, false)?;
        Ok(Some(request))
    }

    fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let length = (!self.body.is_empty()).then_some(self.body.len());
        let first = format!("{} {} HTTP/1.1", self.method, self.target);
        let host = [("host".to_owned(), "test".to_owned())];
        let host = if self.value("host").is_some() {
            &[][..]
        } else {
            &host[..]
        };
        write_message(
            to,
            &first,
            host.iter().chain(&self.headers),
            length,
            &self.body,
        )
    }
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Names and values in order.
    pub headers: Vec<(String, String)>,
    /// The whole body.
    pub body: Vec<u8>,
}

impl Reply {
    /// Returns an answer for an [`Origin`](crate::Origin) to give.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Reply {
        Reply {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header.
    pub fn with(mut self, name: &str, value: &str) -> Reply {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Returns the value of the first header of that name, in any case.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// Returns the value of a variable listed with [`Config::vars`](crate::Config::vars) (or one of its siblings)
    /// held, as HAProxy writes it: `None` if it was not set.
    pub fn var(&self, name: &str) -> Option<&str> {
        self.header(name)
    }

    /// Returns the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    fn read(from: &mut impl BufRead, to_head: bool) -> io::Result<Reply> {
        loop {
            let Some((first, headers)) = read_head(from)? else {
                return Err(io::Error::new(
                    io::ErrorKind::UnexpectedEof,
                    "the connection was closed before an answer",
                ));
            };
            let status: Option<u16> = first
                .strip_prefix("HTTP/1.")
                .and_then(|rest| rest.get(2..5)?.parse().ok());
            let Some(status) = status else {
                return Err(malformed(&first));
            };
            if (100..200).contains(&status) {
                continue;
            }
            let bodiless = to_head || status == 204 || status == 304;
            let body = if bodiless {
                Vec::new()
            } else {
                read_body(from, &headers, true)?
            };
            return Ok(Reply {
                status,
                headers,
                body,
            });
        }
    }

    pub(crate) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        let first = format!("HTTP/1.1 {} -", self.status);
        write_message(
            to,
            &first,
            self.headers.iter(),
            Some(self.body.len()),
            &self.body,
        )
    }
}

/// A connection to HAProxy that stays open between requests.
#[derive(Debug)]
pub struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    /// Connects to a frontend.
    ///
    /// # Errors
    /// When nobody listens there.
    pub fn connect(to: SocketAddr) -> io::Result<Client> {
        let stream = TcpStream::connect_timeout(&to, LIMIT)?;
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_nodelay(true)?;
        Ok(Client {
            stream: BufReader::new(stream),
        })
    }

    /// Sends a request and waits for the answer; panics when none comes.
    pub fn send(&mut self, request: &Request) -> Reply {
        self.try_send(request).unwrap_or_else(|error| {
            panic!(
                "no answer to {} {}: {error}",
                request.method, request.target
            )
        })
    }

    /// Sends a `GET` of a path, and panics if no answer comes.
    pub fn get(&mut self, target: &str) -> Reply {
        self.send(&Request::get(target))
    }

    /// Sends a request and waits for the answer.
    ///
    /// # Errors
    /// When the connection breaks, or no answer comes for half a minute.
    pub fn try_send(&mut self, request: &Request) -> io::Result<Reply> {
        request.write(self.stream.get_mut())?;
        Reply::read(&mut self.stream, request.method == "HEAD")
    }

    /// Returns the address of this end, which HAProxy knows as `src` and `src_port`.
    pub fn local_addr(&self) -> SocketAddr {
        self.stream
            .get_ref()
            .local_addr()
            .expect("a connected socket has an address")
    }
}

type Headers = Vec<(String, String)>;

fn find<'a>(headers: &'a Headers, name: &str) -> Option<&'a str> {
    let (_, value) = headers
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value)
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!("this is not HTTP: `{line}`"),
    )
}

/// Reads the first line and the headers, or nothing at a clean end.
fn read_head(from: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let first = read_line(from)?;
    if first.is_empty() {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            return Ok(Some((first, headers)));
        }
        let Some((name, value)) = line.split_once(':') else {
            return Err(malformed(&line));
        };
        headers.push((name.to_owned(), value.trim().to_owned()));
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(&line)
        .trim_end_matches(['\r', '\n'])
        .to_owned())
}

/// Reads the body as the headers frame it; without framing it ends with the connection or is empty.
fn read_body(from: &mut impl BufRead, headers: &Headers, to_end: bool) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if find(headers, "transfer-encoding").is_some_and(|coding| coding.contains("chunked")) {
        loop {
            let line = read_line(from)?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| malformed(&line))?;
            from.take(size).read_to_end(&mut body)?;
            read_line(from)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match find(headers, "content-length") {
        Some(length) => {
            let length: usize = length.parse().map_err(|_| malformed(length))?;
            body.resize(length, 0);
            from.read_exact(&mut body)?;
        }
        None if to_end => {
            from.read_to_end(&mut body)?;
        }
        None => {}
    }
    Ok(body)
}

/// Writes everything at once, so that HAProxy has the whole message in its buffer at once.
fn write_message<'a>(
    to: &mut impl Write,
    first: &str,
    headers: impl Iterator<Item = &'a (String, String)>,
    length: Option<usize>,
    body: &[u8],
) -> io::Result<()> {
    let mut message = format!("{first}\r\n").into_bytes();
    let mut framed = false;
    for (name, value) in headers {
        message.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        framed |= name.eq_ignore_ascii_case("content-length");
    }
    if let Some(length) = length.filter(|_| !framed) {
        message.extend_from_slice(format!("content-length: {length}\r\n").as_bytes());
    }
    message.extend_from_slice(b"\r\n");
    message.extend_from_slice(body);
    to.write_all(&message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(bytes: &str) -> Reply {
        Reply::read(&mut bytes.as_bytes(), false).expect("it is a reply")
    }

    #[test]
    fn a_chunked_reply_is_put_together() {
        let reply = reply(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
             3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
        );
        assert_eq!((reply.status, reply.text().as_str()), (200, "abcde"));
    }

    #[test]
    fn a_reply_without_length_ends_with_the_connection() {
        assert_eq!(
            reply("HTTP/1.0 503 No\r\nA: b\r\n\r\nrest\r\n").text(),
            "rest\r\n"
        );
    }

    #[test]
    fn a_written_request_is_read_back() {
        let sent = Request::post("/a?b", "body").header("x-y", "z");
        let mut bytes = Vec::new();
        sent.write(&mut bytes).expect("a vector takes it");
        let read = Request::read(&mut bytes.as_slice())
            .expect("readable")
            .expect("there");
        assert_eq!(
            (read.value("HOST"), read.value("X-Y")),
            (Some("test"), Some("z"))
        );
        assert_eq!(read.body, sent.body);
    }
}

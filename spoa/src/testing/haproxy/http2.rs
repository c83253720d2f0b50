//! One request over HTTP/2, without TLS, on a connection of its own.

use super::http1::Headers;
use bytes::Bytes;
use h2::client;
use http::uri::{PathAndQuery, Scheme};
use http::{HeaderName, HeaderValue, Method, Request, Uri};
use std::io::{self, ErrorKind};
use std::net::TcpStream;
use std::time::Duration;

/// The most bytes that a peer may send before it is told that they were read.
const WINDOW: u32 = i32::MAX as u32;

/// A response.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    /// Headers of one name are together.
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Sends a request, and reads the response within `limit`.
pub(super) fn exchange(
    stream: TcpStream,
    request: Request<()>,
    body: &[u8],
    limit: Duration,
) -> io::Result<Response> {
    let body = Bytes::copy_from_slice(body);
    // The thread of the test may have a runtime already, which lets no other run.
    let exchange = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let exchange = exchange_on(stream, request, body);
            match tokio::time::timeout(limit, exchange).await {
                Ok(response) => response,
                Err(_) => Err(ErrorKind::TimedOut.into()),
            }
        })
    });
    match exchange.join() {
        Ok(response) => response,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

async fn exchange_on(stream: TcpStream, request: Request<()>, body: Bytes) -> io::Result<Response> {
    stream.set_nonblocking(true)?;
    let stream = tokio::net::TcpStream::from_std(stream)?;
    let mut builder = client::Builder::new();
    builder
        .initial_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .enable_push(false);
    let (mut sender, connection) = builder.handshake(stream).await.map_err(failed)?;
    // It fails with the request, which says why.
    let connection = tokio::spawn(connection);
    sender = sender.ready().await.map_err(failed)?;
    let ends = body.is_empty();
    let (response, mut rest) = sender.send_request(request, ends).map_err(failed)?;
    if !ends {
        rest.send_data(body, true).map_err(failed)?;
    }
    let (head, mut body) = response.await.map_err(failed)?.into_parts();
    let mut response = Response {
        status: head.status.as_u16(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .collect(),
        body: Vec::new(),
    };
    while let Some(part) = body.data().await {
        response.body.extend_from_slice(&part.map_err(failed)?);
    }
    connection.abort();
    Ok(response)
}

/// Makes a request. Headers of one connection have no place in it.
pub(super) fn request(
    method: &str,
    target: &str,
    headers: &Headers,
    body: &[u8],
) -> io::Result<Request<()>> {
    let authority = super::http1::find(headers, "host").unwrap_or(b"localhost");
    let path = PathAndQuery::try_from(target).map_err(unsendable)?;
    let uri = Uri::builder()
        .scheme(Scheme::HTTP)
        .authority(authority)
        .path_and_query(path);
    let mut request = Request::new(());
    *request.method_mut() = Method::from_bytes(method.as_bytes()).map_err(unsendable)?;
    *request.uri_mut() = uri.build().map_err(unsendable)?;
    *request.version_mut() = http::Version::HTTP_2;
    let all = request.headers_mut();
    for (name, value) in headers {
        if ["host", "connection"]
            .iter()
            .any(|it| name.eq_ignore_ascii_case(it))
        {
            continue;
        }
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(unsendable)?;
        all.append(name, HeaderValue::from_bytes(value).map_err(unsendable)?);
    }
    if !body.is_empty() && !all.contains_key(http::header::CONTENT_LENGTH) {
        all.insert(http::header::CONTENT_LENGTH, body.len().into());
    }
    Ok(request)
}

fn unsendable(error: impl Into<http::Error>) -> io::Error {
    let error = error.into();
    io::Error::new(
        ErrorKind::InvalidInput,
        format!("the request cannot be sent over HTTP/2: {error}"),
    )
}

fn failed(error: h2::Error) -> io::Error {
    if error.is_io() {
        error
            .into_io()
            .unwrap_or_else(|| ErrorKind::ConnectionReset.into())
    } else {
        io::Error::new(ErrorKind::ConnectionReset, error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    fn header(name: &str, value: &[u8]) -> (String, Vec<u8>) {
        (name.to_owned(), value.to_vec())
    }

    #[test]
    fn a_request_has_its_host_and_its_length_and_no_header_of_the_connection() {
        let headers = vec![
            header("Host", b"Example.org:80"),
            header("connection", b"close"),
            header("X-A", b"\xff"),
            header("x-a", b""),
        ];
        let request = request("OPTIONS", "*", &headers, b"body").unwrap();
        assert_eq!(request.method(), "OPTIONS");
        let uri = request.uri();
        let path = uri.path_and_query().map(PathAndQuery::as_str);
        assert_eq!(
            (uri.host(), uri.port_u16(), path),
            (Some("Example.org"), Some(80), Some("*"))
        );
        let values = request.headers().get_all("x-a").iter();
        let values: Vec<_> = values.map(HeaderValue::as_bytes).collect();
        assert_eq!(values, [&b"\xff"[..], b""]);
        assert_eq!(request.headers().get("content-length").unwrap(), "4");
        assert_eq!(request.headers().len(), 3);
    }

    #[test]
    fn a_request_that_http2_cannot_say_is_an_error() {
        for (method, target, name, value) in [
            ("G T", "/", "a", ""),
            ("GET", "/ b", "a", ""),
            ("GET", "/", "a b", ""),
            ("GET", "/", "a", "b\nc"),
        ] {
            let headers = vec![header(name, value.as_bytes())];
            let error = request(method, target, &headers, b"").unwrap_err();
            let text = error.to_string();
            assert!(
                text.starts_with("the request cannot be sent over HTTP/2: "),
                "{text}"
            );
        }
    }

    #[test]
    fn a_peer_that_closes_or_says_nothing_is_an_error() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let ask = |limit: Duration| {
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            exchange(
                stream,
                request("GET", "/", &Headers::new(), b"").unwrap(),
                b"",
                limit,
            )
        };
        let error = ask(Duration::from_millis(100)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(listener.accept());
        std::thread::scope(|scope| {
            scope.spawn(|| drop(listener.accept()));
            let error = ask(Duration::from_secs(60)).unwrap_err();
            assert_ne!(error.kind(), ErrorKind::TimedOut);
        });
    }
}

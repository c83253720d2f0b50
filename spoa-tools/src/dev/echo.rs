//! The server behind HAProxy: it answers every request with what it got.
//!
//! It knows as much of HTTP as HAProxy speaks to a server: one request, `connection: close`.

use std::io;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// The most of a request that is read and shown, in bytes.
const MOST: usize = 1 << 20;

/// Answers until it is dropped.
pub(super) async fn serve(listener: TcpListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => drop(tokio::spawn(answer(stream))),
            // Too many open files, for instance: some will be closed.
            Err(_) => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
}

/// Answers one request.
async fn answer(mut stream: TcpStream) -> io::Result<()> {
    let mut request = Vec::new();
    let mut whole = None;
    while whole.is_none_or(|whole| request.len() < whole) && request.len() < MOST {
        if stream.read_buf(&mut request).await? == 0 {
            break;
        }
        whole = whole.or_else(|| length(&request));
    }
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        request.len()
    );
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&request).await?;
    stream.shutdown().await
}

/// How long the request is, once its head is there. One whose body has no length in front is taken to
/// end with its head.
fn length(request: &[u8]) -> Option<usize> {
    let end = request.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let head = String::from_utf8_lossy(request.get(..end)?).to_ascii_lowercase();
    let mut values = head
        .lines()
        .filter_map(|line| line.strip_prefix("content-length:"));
    let body = values
        .next()
        .and_then(|value| value.trim().parse::<usize>().ok());
    Some(end.saturating_add(body.unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_ends_with_its_body() {
        assert_eq!(length(b"GET / HTTP/1.1\r\nhost: a\r\n"), None);
        assert_eq!(length(b"GET / HTTP/1.1\r\n\r\n"), Some(18));
        assert_eq!(
            length(b"POST / HTTP/1.1\r\nContent-Length: 3\r\n\r\na"),
            Some(41)
        );
    }
}

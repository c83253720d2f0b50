//! As much of HTTP/1.1 as a test needs, for both ends.

use std::io::{self, BufRead, ErrorKind, Read};

/// Names and values, in order.
pub(super) type Headers = Vec<(String, Vec<u8>)>;

/// A request or a response as it was read.
#[derive(Debug)]
pub(super) struct HttpMessage {
    /// The first line.
    pub(super) first: String,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Writes a message. Unless a header frames the body, its length does.
pub(super) fn write(
    first: &str,
    headers: &[(String, Vec<u8>)],
    body: &[u8],
    framed: bool,
) -> Vec<u8> {
    let mut message = format!("{first}\r\n").into_bytes();
    for (name, value) in headers {
        message.extend_from_slice(name.as_bytes());
        message.extend_from_slice(b": ");
        message.extend_from_slice(value);
        message.extend_from_slice(b"\r\n");
    }
    let framed = framed || has(headers, "content-length") || has(headers, "transfer-encoding");
    if !framed {
        message.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    message.extend_from_slice(b"\r\n");
    message.extend_from_slice(body);
    message
}

/// Reads the response to a request of this method. Those before the last one are skipped, with a status below 200. After
/// 101, the connection has another protocol.
pub(super) fn read_response(
    from: &mut impl BufRead,
    method: &str,
) -> io::Result<(u16, HttpMessage)> {
    loop {
        let Some((first, headers)) = read_head(from)? else {
            return Err(io::Error::new(
                ErrorKind::UnexpectedEof,
                "the connection was closed without a response",
            ));
        };
        let status = first.strip_prefix("HTTP/1.");
        let status = status.and_then(|rest| rest.get(2..5)?.parse().ok());
        let status: u16 = status.ok_or_else(|| malformed(&first))?;
        if status < 200 && status != 101 {
            continue;
        }
        let body = match status {
            101 | 204 | 304 => Vec::new(),
            _ if method == "HEAD" => Vec::new(),
            _ => read_body(from, &headers, true)?,
        };
        let message = HttpMessage {
            first,
            headers,
            body,
        };
        return Ok((status, message));
    }
}

/// Reads a request; `None` at the end of the connection.
pub(super) fn read_request(from: &mut impl BufRead) -> io::Result<Option<HttpMessage>> {
    let Some((first, headers)) = read_head(from)? else {
        return Ok(None);
    };
    let body = read_body(from, &headers, false)?;
    Ok(Some(HttpMessage {
        first,
        headers,
        body,
    }))
}

/// Returns the value of the first header of a name.
pub(super) fn find<'a>(headers: &'a [(String, Vec<u8>)], name: &str) -> Option<&'a [u8]> {
    let mut headers = headers.iter();
    let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
    Some(value)
}

pub(super) fn has(headers: &[(String, Vec<u8>)], name: &str) -> bool {
    find(headers, name).is_some()
}

fn malformed(line: &str) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, format!("`{line}` is not HTTP/1.1"))
}

fn read_head(from: &mut impl BufRead) -> io::Result<Option<(String, Headers)>> {
    let first = text(&read_line(from)?);
    if first.is_empty() {
        return Ok(None);
    }
    let mut headers = Vec::new();
    loop {
        let line = read_line(from)?;
        if line.is_empty() {
            return Ok(Some((first, headers)));
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let parts = colon.and_then(|colon| Some((line.get(..colon)?, line.get(colon + 1..)?)));
        let Some((name, value)) = parts else {
            return Err(malformed(&text(&line)));
        };
        headers.push((text(name), value.trim_ascii().to_vec()));
    }
}

fn read_line(from: &mut impl BufRead) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    from.read_until(b'\n', &mut line)?;
    while line
        .last()
        .is_some_and(|byte| matches!(byte, b'\r' | b'\n'))
    {
        line.pop();
    }
    Ok(line)
}

/// Reads a body as its headers frame it. Without a length, that of a response ends with the connection.
fn read_body(from: &mut impl BufRead, headers: &Headers, to_end: bool) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    if find(headers, "transfer-encoding").is_some_and(|coding| text(coding).contains("chunked")) {
        loop {
            let line = text(&read_line(from)?);
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).map_err(|_| malformed(&line))?;
            Read::take(&mut *from, size).read_to_end(&mut body)?;
            read_line(from)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    match find(headers, "content-length") {
        Some(length) => {
            let length = text(length);
            body.resize(length.parse().map_err(|_| malformed(&length))?, 0);
            from.read_exact(&mut body)?;
        }
        None if to_end => {
            from.read_to_end(&mut body)?;
        }
        None => {}
    }
    Ok(body)
}

pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_response_is_put_together() {
        let mut bytes =
            &b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
              3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"[..];
        let (status, message) = read_response(&mut bytes, "GET").unwrap();
        assert_eq!((status, message.body.as_slice()), (200, &b"abcde"[..]));
    }

    #[test]
    fn a_change_of_the_protocol_is_a_response() {
        let mut bytes =
            &b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x00"[..];
        let (status, message) = read_response(&mut bytes, "GET").unwrap();
        assert_eq!((status, message.body.as_slice()), (101, &b""[..]));
    }

    #[test]
    fn a_response_without_a_length_ends_with_the_connection() {
        let read = |method| {
            let mut bytes = &b"HTTP/1.0 503 No\r\nA: b\r\n\r\nrest\r\n"[..];
            read_response(&mut bytes, method).unwrap().1.body
        };
        assert_eq!(read("GET"), b"rest\r\n");
        assert_eq!(read("HEAD"), b"");
        assert!(read_response(&mut &b""[..], "GET").is_err());
        assert!(read_response(&mut &b"SSH-2.0\r\n\r\n"[..], "GET").is_err());
    }

    #[test]
    fn a_written_request_is_read_back() {
        let headers = [("x-y".to_owned(), b"\xff".to_vec())];
        let bytes = write("POST / HTTP/1.1", &headers, b"a=1", false);
        let read = read_request(&mut bytes.as_slice()).unwrap().unwrap();
        assert_eq!(read.first, "POST / HTTP/1.1");
        assert_eq!(find(&read.headers, "X-Y"), Some(&b"\xff"[..]));
        assert_eq!(read.body, b"a=1");
        assert!(read_request(&mut &b""[..]).unwrap().is_none());
    }
}

//! As much of HTTP/2 as a test needs: one request on a connection of its own, without TLS.
//!
//! HAProxy compresses no headers and keeps no table of them (RFC 7541), so neither does this client.

use super::http1::{Headers, text};
use std::io::{self, ErrorKind, Read, Write};

/// The bytes that a client sends first.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

// RFC 9113, 6: types of frames, and their flags.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 0x1;
const ACK: u8 = 0x1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;

const SETTINGS_HEADER_TABLE_SIZE: u16 = 1;
const SETTINGS_INITIAL_WINDOW_SIZE: u16 = 4;

/// The largest payload of a frame that every peer takes.
const LARGEST: usize = 16384;

/// The stream of the request.
const STREAM: u32 = 1;

/// A response.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) headers: Headers,
    pub(super) body: Vec<u8>,
}

/// Sends a request with these fields, the pseudo-headers first, and reads the response.
pub(super) fn exchange(
    stream: &mut (impl Read + Write),
    fields: &[(String, Vec<u8>)],
    body: &[u8],
) -> io::Result<Response> {
    let mut block = Vec::new();
    for (name, value) in fields {
        // A literal without indexing, with a new name (RFC 7541, 6.2.2).
        block.push(0);
        put_string(name.as_bytes(), &mut block);
        put_string(value, &mut block);
    }
    let mut out = PREFACE.to_vec();
    let mut settings = Vec::new();
    for (name, value) in [
        (SETTINGS_HEADER_TABLE_SIZE, 0),
        (SETTINGS_INITIAL_WINDOW_SIZE, i32::MAX as u32),
    ] {
        settings.extend_from_slice(&u16::to_be_bytes(name));
        settings.extend_from_slice(&u32::to_be_bytes(value));
    }
    put_frame(SETTINGS, 0, 0, &settings, &mut out);
    // The window of the connection has 65535 bytes already.
    let more = i32::MAX as u32 - 65535;
    put_frame(WINDOW_UPDATE, 0, 0, &more.to_be_bytes(), &mut out);
    let mut kind = HEADERS;
    let mut end = if body.is_empty() { END_STREAM } else { 0 };
    let mut pieces = block.chunks(LARGEST).peekable();
    while let Some(piece) = pieces.next() {
        let last = if pieces.peek().is_none() {
            END_HEADERS
        } else {
            0
        };
        put_frame(kind, end | last, STREAM, piece, &mut out);
        (kind, end) = (CONTINUATION, 0);
    }
    stream.write_all(&out)?;
    let mut exchange = Exchange {
        stream,
        connection_window: 65535,
        stream_window: 65535,
        initial_window: 65535,
        block: Vec::new(),
        ends: false,
        response: Response::default(),
        done: false,
    };
    exchange.send(body)?;
    while !exchange.done {
        exchange.receive()?;
    }
    Ok(exchange.response)
}

struct Exchange<'a, S> {
    stream: &'a mut S,
    /// The bytes of the body that may be sent, on the connection and on the stream (RFC 9113, 6.9).
    connection_window: i64,
    stream_window: i64,
    initial_window: i64,
    /// The headers so far, and whether the stream ends with them.
    block: Vec<u8>,
    ends: bool,
    response: Response,
    done: bool,
}

impl<S: Read + Write> Exchange<'_, S> {
    fn send(&mut self, mut body: &[u8]) -> io::Result<()> {
        // The server may respond, or reset the stream, before it has the whole body.
        while !body.is_empty() && !self.done {
            let room = self.connection_window.min(self.stream_window);
            let room = usize::try_from(room).unwrap_or(0).min(LARGEST);
            let Some((piece, rest)) = body.split_at_checked(room.min(body.len())) else {
                break;
            };
            if piece.is_empty() {
                self.receive()?;
                continue;
            }
            let end = if rest.is_empty() { END_STREAM } else { 0 };
            let mut out = Vec::new();
            put_frame(DATA, end, STREAM, piece, &mut out);
            self.stream.write_all(&out)?;
            let sent = i64::try_from(piece.len()).unwrap_or(i64::MAX);
            self.connection_window -= sent;
            self.stream_window -= sent;
            body = rest;
        }
        Ok(())
    }

    fn receive(&mut self) -> io::Result<()> {
        let mut head = [0; 9];
        self.stream.read_exact(&mut head)?;
        let [l0, l1, l2, kind, flags, s0, s1, s2, s3] = head;
        let length = u32::from_be_bytes([0, l0, l1, l2]);
        let about = u32::from_be_bytes([s0 & 0x7f, s1, s2, s3]);
        let mut payload = vec![0; usize::try_from(length).unwrap_or(usize::MAX)];
        self.stream.read_exact(&mut payload)?;
        match kind {
            HEADERS => {
                self.block = unpadded(flags, &payload)?.to_vec();
                self.ends = flags & END_STREAM != 0;
                self.end_of_headers(flags)?;
            }
            CONTINUATION => {
                self.block.extend_from_slice(&payload);
                self.end_of_headers(flags)?;
            }
            DATA => {
                let data = unpadded(flags, &payload)?;
                self.response.body.extend_from_slice(data);
                self.done |= flags & END_STREAM != 0;
            }
            SETTINGS if flags & ACK == 0 => {
                for setting in payload.chunks_exact(6) {
                    if let [n0, n1, value @ ..] = setting {
                        if u16::from_be_bytes([*n0, *n1]) == SETTINGS_INITIAL_WINDOW_SIZE {
                            let window = i64::from(number(value));
                            self.stream_window += window - self.initial_window;
                            self.initial_window = window;
                        }
                    }
                }
                self.answer(SETTINGS, &[])?;
            }
            PING if flags & ACK == 0 => self.answer(PING, &payload)?,
            WINDOW_UPDATE => {
                let window = match about {
                    0 => &mut self.connection_window,
                    _ => &mut self.stream_window,
                };
                *window += i64::from(number(&payload));
            }
            // After a whole response, a reset says only that the rest of the body is not wanted.
            RST_STREAM if !self.done => {
                return Err(reset(format!(
                    "the stream was reset with error {}",
                    number(&payload)
                )));
            }
            GOAWAY if !self.done => {
                let error = number(payload.get(4..).unwrap_or_default());
                // Without an error, the stream is still answered.
                if error != 0 {
                    return Err(reset(format!(
                        "the connection was closed with error {error}"
                    )));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn end_of_headers(&mut self, flags: u8) -> io::Result<()> {
        if flags & END_HEADERS == 0 {
            return Ok(());
        }
        for (name, value) in decode(&std::mem::take(&mut self.block))? {
            if name == ":status" {
                self.response.status = text(&value).parse().unwrap_or(0);
            } else {
                self.response.headers.push((name, value));
            }
        }
        if self.response.status < 200 {
            self.response.headers.clear();
        }
        self.done |= self.ends;
        Ok(())
    }

    fn answer(&mut self, kind: u8, payload: &[u8]) -> io::Result<()> {
        let mut out = Vec::new();
        put_frame(kind, ACK, 0, payload, &mut out);
        self.stream.write_all(&out)
    }
}

fn reset(text: String) -> io::Error {
    io::Error::new(ErrorKind::ConnectionReset, text)
}

fn malformed() -> io::Error {
    io::Error::new(ErrorKind::InvalidData, "a frame of HTTP/2 cannot be read")
}

/// Returns a number of four bytes.
fn number(bytes: &[u8]) -> u32 {
    bytes
        .first_chunk()
        .map_or(0, |bytes| u32::from_be_bytes(*bytes))
}

fn put_frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    out.extend(length.to_be_bytes().iter().skip(1));
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

/// Returns a payload without its padding and its priority.
fn unpadded(flags: u8, payload: &[u8]) -> io::Result<&[u8]> {
    let mut rest = payload;
    if flags & PADDED != 0 {
        let (padding, after) = rest.split_first().ok_or_else(malformed)?;
        let end = after.len().checked_sub(usize::from(*padding));
        rest = end.and_then(|end| after.get(..end)).ok_or_else(malformed)?;
    }
    if flags & PRIORITY != 0 {
        rest = rest.get(5..).ok_or_else(malformed)?;
    }
    Ok(rest)
}

/// Writes a string, not compressed (RFC 7541, 5.2).
fn put_string(bytes: &[u8], out: &mut Vec<u8>) {
    let mut rest = bytes.len();
    if rest < 127 {
        out.push(u8::try_from(rest).unwrap_or(0));
    } else {
        out.push(127);
        rest -= 127;
        while rest >= 128 {
            out.push(u8::try_from(rest % 128).unwrap_or(0) | 0x80);
            rest /= 128;
        }
        out.push(u8::try_from(rest).unwrap_or(0));
    }
    out.extend_from_slice(bytes);
}

/// Reads a block of headers (RFC 7541, 6).
fn decode(block: &[u8]) -> io::Result<Headers> {
    let mut rest = block;
    let mut headers = Headers::new();
    while let Some(first) = rest.first() {
        if first & 0x80 != 0 {
            let (name, value) = entry(take_number(&mut rest, 7)?)?;
            headers.push((name.to_owned(), value.as_bytes().to_vec()));
            continue;
        }
        if first & 0xe0 == 0x20 {
            // The size of the table, which is always empty.
            take_number(&mut rest, 5)?;
            continue;
        }
        let prefix = if first & 0x40 != 0 { 6 } else { 4 };
        let name = match take_number(&mut rest, prefix)? {
            0 => text(take_string(&mut rest)?),
            index => entry(index)?.0.to_owned(),
        };
        headers.push((name, take_string(&mut rest)?.to_vec()));
    }
    Ok(headers)
}

/// Reads an integer with a prefix of this many bits (RFC 7541, 5.1).
fn take_number(rest: &mut &[u8], bits: u32) -> io::Result<usize> {
    let mut byte = || {
        let (first, after) = rest.split_first().ok_or_else(malformed)?;
        *rest = after;
        io::Result::Ok(usize::from(*first))
    };
    let largest = (1 << bits) - 1;
    let mut number = byte()? & largest;
    if number < largest {
        return Ok(number);
    }
    for shift in [0, 7, 14, 21] {
        let more = byte()?;
        number += (more & 0x7f) << shift;
        if more & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(malformed())
}

fn take_string<'a>(rest: &mut &'a [u8]) -> io::Result<&'a [u8]> {
    if rest.first().is_some_and(|first| first & 0x80 != 0) {
        return Err(io::Error::new(
            ErrorKind::Unsupported,
            "a header is compressed, which this client does not read",
        ));
    }
    let length = take_number(rest, 7)?;
    let (string, after) = rest.split_at_checked(length).ok_or_else(malformed)?;
    *rest = after;
    Ok(string)
}

fn entry(index: usize) -> io::Result<(&'static str, &'static str)> {
    let place = index.checked_sub(1);
    let entry = place.and_then(|place| TABLE.get(place));
    entry.copied().ok_or_else(malformed)
}

/// The static table of RFC 7541, appendix A. Its first entry has the number 1.
const TABLE: [(&str, &str); 61] = [
    (":authority", ""),
    (":method", "GET"),
    (":method", "POST"),
    (":path", "/"),
    (":path", "/index.html"),
    (":scheme", "http"),
    (":scheme", "https"),
    (":status", "200"),
    (":status", "204"),
    (":status", "206"),
    (":status", "304"),
    (":status", "400"),
    (":status", "404"),
    (":status", "500"),
    ("accept-charset", ""),
    ("accept-encoding", "gzip, deflate"),
    ("accept-language", ""),
    ("accept-ranges", ""),
    ("accept", ""),
    ("access-control-allow-origin", ""),
    ("age", ""),
    ("allow", ""),
    ("authorization", ""),
    ("cache-control", ""),
    ("content-disposition", ""),
    ("content-encoding", ""),
    ("content-language", ""),
    ("content-length", ""),
    ("content-location", ""),
    ("content-range", ""),
    ("content-type", ""),
    ("cookie", ""),
    ("date", ""),
    ("etag", ""),
    ("expect", ""),
    ("expires", ""),
    ("from", ""),
    ("host", ""),
    ("if-match", ""),
    ("if-modified-since", ""),
    ("if-none-match", ""),
    ("if-range", ""),
    ("if-unmodified-since", ""),
    ("last-modified", ""),
    ("link", ""),
    ("location", ""),
    ("max-forwards", ""),
    ("proxy-authenticate", ""),
    ("proxy-authorization", ""),
    ("range", ""),
    ("referer", ""),
    ("refresh", ""),
    ("retry-after", ""),
    ("server", ""),
    ("set-cookie", ""),
    ("strict-transport-security", ""),
    ("transfer-encoding", ""),
    ("user-agent", ""),
    ("vary", ""),
    ("via", ""),
    ("www-authenticate", ""),
];

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    /// A peer that says what it was given, whatever is written to it.
    struct Peer(Cursor<Vec<u8>>, Vec<u8>);

    impl Read for Peer {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.0.read(buffer)
        }
    }

    impl Write for Peer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.1.extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn ask(frames: &[(u8, u8, &[u8])], body: &[u8]) -> (io::Result<Response>, Vec<u8>) {
        let mut said = Vec::new();
        for (kind, flags, payload) in frames {
            let stream = if *kind == SETTINGS || *kind == GOAWAY {
                0
            } else {
                STREAM
            };
            put_frame(*kind, *flags, stream, payload, &mut said);
        }
        let mut peer = Peer(Cursor::new(said), Vec::new());
        let fields = [(":method".to_owned(), b"GET".to_vec())];
        (exchange(&mut peer, &fields, body), peer.1)
    }

    #[test]
    fn a_response_is_put_together_from_frames() {
        let (response, sent) = ask(
            &[
                (SETTINGS, 0, &[0, 4, 0, 1, 0, 0]),
                // 100, then 403 and two headers in two frames.
                (HEADERS, END_HEADERS, b"\x08\x03100\x00\x01a\x01b"),
                (HEADERS, PADDED, b"\x02\x08\x03403\x0f\x0d\x011\0\0"),
                (CONTINUATION, END_HEADERS, b"\x40\x01x\x02yz"),
                (DATA, 0, b"ab"),
                (DATA, END_STREAM, b"c"),
            ],
            b"",
        );
        let response = response.unwrap();
        assert_eq!(response.status, 403);
        let header = |name: &str, value: &[u8]| (name.to_owned(), value.to_vec());
        let expected = [header("content-length", b"1"), header("x", b"yz")];
        assert_eq!(response.headers, expected);
        assert_eq!(response.body, b"abc");
        assert!(sent.starts_with(PREFACE));
        assert!(sent.ends_with(&[0, 0, 0, SETTINGS, ACK, 0, 0, 0, 0]));
    }

    #[test]
    fn a_reset_and_a_compressed_header_are_errors() {
        let error = ask(&[(RST_STREAM, 0, &[0, 0, 0, 7])], b"").0.unwrap_err();
        assert_eq!(error.to_string(), "the stream was reset with error 7");
        let error = ask(&[(GOAWAY, 0, &[0, 0, 0, 0, 0, 0, 0, 1])], b"")
            .0
            .unwrap_err();
        assert_eq!(error.to_string(), "the connection was closed with error 1");
        let error = ask(&[(HEADERS, END_HEADERS, &[0x08, 0x83, 1])], b"")
            .0
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(
            ask(&[], b"").0.unwrap_err().kind(),
            ErrorKind::UnexpectedEof
        );
    }

    #[test]
    fn a_body_waits_for_the_window() {
        let body = vec![b'x'; 70_000];
        let update = 10_000_u32.to_be_bytes();
        let (response, sent) = ask(
            &[
                (SETTINGS, 0, &[0, 4, 0, 1, 0x11, 0x70]),
                (WINDOW_UPDATE, 0, &update),
                // The connection's own window is still too small: this response ends the request.
                (HEADERS, END_HEADERS | END_STREAM, &[0x8c]),
            ],
            &body,
        );
        assert_eq!(response.unwrap().status, 400);
        assert!(sent.iter().filter(|byte| **byte == b'x').count() == 65535);
    }

    #[test]
    fn long_strings_are_read_back() {
        for length in [0, 126, 127, 254, 255, 20_000] {
            let mut block = vec![0];
            put_string(b"n", &mut block);
            put_string(&vec![b'v'; length], &mut block);
            let headers = decode(&block).unwrap();
            assert_eq!(headers, [("n".to_owned(), vec![b'v'; length])]);
        }
        for damaged in [
            &[0xff][..],
            &[0, 5, b'a'],
            &[0x80],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(decode(damaged).is_err(), "{damaged:?}");
        }
    }
}

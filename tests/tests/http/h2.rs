//! As much of HTTP/2 as the tests need: one request on a connection of its own, and its status.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

const END_STREAM: u8 = 0x1;
const END_HEADERS: u8 = 0x4;

/// A piece of a body, and how long to wait before it.
pub(crate) type Piece<'a> = (Duration, &'a [u8]);

/// Sends a request with these fields, the pseudo-headers first, and returns the status; `None` if the stream or the
/// connection is reset.
pub(crate) fn send(
    to: SocketAddr,
    fields: &[(&[u8], &[u8])],
    body: Option<&[Piece<'_>]>,
) -> io::Result<Option<u16>> {
    let mut stream = TcpStream::connect(to)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(Duration::from_secs(30)))?;
    let mut block = Vec::new();
    for (name, value) in fields {
        // Literal without indexing, with a new name (RFC 7541, 6.2.2).
        block.push(0);
        string(name, &mut block);
        string(value, &mut block);
    }
    let mut out = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    frame(4, 0, 0, &[], &mut out);
    let mut pieces = block.chunks(16384);
    let first = pieces.next().unwrap_or_default();
    let mut left = pieces.len();
    let end = if body.is_none() { END_STREAM } else { 0 };
    let flag = |left: usize| if left == 0 { END_HEADERS } else { 0 };
    frame(1, end | flag(left), 1, first, &mut out);
    for piece in pieces {
        left -= 1;
        frame(9, flag(left), 1, piece, &mut out);
    }
    stream.write_all(&out)?;
    let body = body.unwrap_or_default();
    for (number, (pause, piece)) in body.iter().enumerate() {
        std::thread::sleep(*pause);
        let mut out = Vec::new();
        let mut chunks = piece.chunks(16384).peekable();
        while let Some(chunk) = chunks.next() {
            let last = number + 1 == body.len() && chunks.peek().is_none();
            frame(0, if last { END_STREAM } else { 0 }, 1, chunk, &mut out);
        }
        stream.write_all(&out)?;
    }
    loop {
        let mut head = [0; 9];
        match stream.read_exact(&mut head) {
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
            Err(error) => return Err(error),
        }
        let len = u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize;
        let mut payload = vec![0; len];
        stream.read_exact(&mut payload)?;
        match head[3] {
            1 => return Ok(Some(status(&payload))),
            3 | 7 => return Ok(None),
            _ => {}
        }
    }
}

/// The status, which HAProxy encodes first: by its number in the static table, or in three digits.
fn status(block: &[u8]) -> u16 {
    const STATIC: [u16; 7] = [200, 204, 206, 304, 400, 404, 500];
    match block {
        [0x88..=0x8e, ..] => STATIC[usize::from(block[0] - 0x88)],
        [_, 3, digits @ ..] => {
            let digits = std::str::from_utf8(&digits[..3]).expect("digits are ASCII");
            digits.parse().expect("a status is a number")
        }
        _ => panic!("no status in {block:02x?}"),
    }
}

fn string(bytes: &[u8], out: &mut Vec<u8>) {
    // Not Huffman; RFC 7541, 5.1: an integer with a prefix of 7 bits.
    match bytes.len() {
        len @ 0..127 => out.push(len as u8),
        len => {
            out.push(127);
            let mut rest = len - 127;
            while rest >= 128 {
                out.push((rest % 128) as u8 | 0x80);
                rest /= 128;
            }
            out.push(rest as u8);
        }
    }
    out.extend_from_slice(bytes);
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&(payload.len() as u32).to_be_bytes()[1..]);
    out.extend_from_slice(&[kind, flags]);
    out.extend_from_slice(&stream.to_be_bytes());
    out.extend_from_slice(payload);
}

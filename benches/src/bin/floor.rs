//! `floor ADDRESS`: the cheapest agent on tokio, at a TCP address or `unix@PATH`. One task per connection, one
//! read and one write per batch, buffers of the thread; it walks each NOTIFY, takes the last byte of an `ip`,
//! and sets one variable. From a block of `headers` it takes two cookies, and sets a verdict; other arguments it
//! only passes over. No checks that only an unfriendly peer needs, no limits, no log, no deadlines.
//!
//! It is written by hand against the bytes, not with the crate, so that the two share nothing.

use memchr::memchr;
use std::cell::RefCell;
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};

const SIZE: usize = 256 << 10;

thread_local! {
    static BUFFERS: RefCell<(Vec<u8>, Vec<u8>)> =
        RefCell::new((vec![0; SIZE], Vec::with_capacity(SIZE)));
}

fn main() -> io::Result<()> {
    let address = std::env::args().nth(1);
    let address = address.expect("usage: floor ADDRESS");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_io()
        .build()?;
    runtime.block_on(async {
        if let Some(path) = address.strip_prefix("unix@") {
            let listener = UnixListener::bind(path)?;
            loop {
                tokio::spawn(serve(listener.accept().await?.0));
            }
        }
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::spawn(serve(stream));
        }
    })
}

/// A connection, whatever its socket.
trait Socket: AsyncWrite + Unpin + Send + Sync + 'static {
    fn readable(&self) -> impl Future<Output = io::Result<()>> + Send;
    fn try_read(&self, into: &mut [u8]) -> io::Result<usize>;
    fn try_write(&self, from: &[u8]) -> io::Result<usize>;
}

macro_rules! socket {
    ($stream:ty) => {
        impl Socket for $stream {
            fn readable(&self) -> impl Future<Output = io::Result<()>> + Send {
                <$stream>::readable(self)
            }

            fn try_read(&self, into: &mut [u8]) -> io::Result<usize> {
                <$stream>::try_read(self, into)
            }

            fn try_write(&self, from: &[u8]) -> io::Result<usize> {
                <$stream>::try_write(self, from)
            }
        }
    };
}

socket!(TcpStream);
socket!(UnixStream);

async fn serve(mut stream: impl Socket) -> io::Result<()> {
    let mut unfinished = Vec::new();
    loop {
        stream.readable().await?;
        let unsent = BUFFERS.with_borrow_mut(|(input, output)| {
            let kept = unfinished.len();
            input[..kept].copy_from_slice(&unfinished);
            let count = match stream.try_read(&mut input[kept..]) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Vec::new()),
                Err(error) => return Err(error),
            };
            let input = &input[..kept + count];
            output.clear();
            let used = answer(input, output).ok_or(io::ErrorKind::InvalidData)?;
            unfinished.clear();
            unfinished.extend_from_slice(&input[used..]);
            if output.is_empty() {
                return Ok(Vec::new());
            }
            let sent = stream.try_write(output)?;
            Ok(output[sent..].to_vec())
        })?;
        stream.write_all(&unsent).await?;
    }
}

/// Answers all whole frames; returns how many bytes they had. `None` ends the connection.
fn answer(input: &[u8], output: &mut Vec<u8>) -> Option<usize> {
    let mut used = 0;
    while let Some(size) = input[used..].first_chunk() {
        let size = u32::from_be_bytes(*size) as usize;
        let Some(frame) = input.get(used + 4..used + 4 + size) else {
            break;
        };
        used += 4 + size;
        match *frame.first()? {
            1 => hello(output),
            3 => notify(frame.get(5..)?, output)?,
            _ => return None,
        }
    }
    Some(used)
}

fn hello(output: &mut Vec<u8>) {
    // 16380 bytes, HAProxy's own default, as a varint.
    let head = b"\x65\0\0\0\x01\0\0";
    let payload = b"\x07version\x08\x032.0\x0emax-frame-size\x03\xfc\xf0\x06\x0ccapabilities\x08\x0apipelining";
    output.extend_from_slice(&((head.len() + payload.len()) as u32).to_be_bytes());
    output.extend_from_slice(head);
    output.extend_from_slice(payload);
}

fn notify(body: &[u8], output: &mut Vec<u8>) -> Option<()> {
    let (_, rest) = varint(body)?;
    let (_, payload) = varint(rest)?;
    let ids = &body[..body.len() - payload.len()];
    let start = output.len();
    output.extend_from_slice(b"\0\0\0\0\x67\0\0\0\x01");
    output.extend_from_slice(ids);
    let mut rest = payload;
    while !rest.is_empty() {
        let (_, after) = text(rest)?;
        let (&count, mut args) = after.split_first()?;
        for _ in 0..count {
            let (name, start) = text(args)?;
            let (last, after) = value(start)?;
            args = after;
            if let (b"ip", Some(last)) = (name, last) {
                output.extend_from_slice(b"\x01\x03\x01\x08ip_score\x03");
                output.push(last % 101);
            } else if name == b"headers" {
                let (block, _) = text(start.get(1..)?)?;
                output.extend_from_slice(match inspect(block)? {
                    true => b"\x01\x03\x02\x06action\x08\x05allow".as_slice(),
                    false => {
                        b"\x01\x03\x02\x06action\x08\x04deny\x01\x03\x02\x06status\x02\xf3\x0a"
                    }
                });
            }
        }
        rest = args;
    }
    let size = (output.len() - start - 4) as u32;
    output[start..start + 4].copy_from_slice(&size.to_be_bytes());
    Some(())
}

/// Returns whether two cookies have the values that let a request pass.
fn inspect(block: &[u8]) -> Option<bool> {
    let (mut session, mut theme) = (None::<&[u8]>, None::<&[u8]>);
    let mut rest = block;
    loop {
        let (name, after) = text(rest)?;
        let (value, after) = text(after)?;
        rest = after;
        if name.is_empty() {
            return Some(
                session.is_some_and(|id| id.len() == 32) && theme == Some(b"dark".as_slice()),
            );
        }
        if name == b"cookie" {
            let mut cookies = value;
            while !cookies.is_empty() {
                let end = memchr(b';', cookies).unwrap_or(cookies.len());
                let cookie = cookies[..end].trim_ascii();
                cookies = cookies.get(end + 1..).unwrap_or_default();
                let Some(equals) = memchr(b'=', cookie) else {
                    continue;
                };
                match (&cookie[..equals], &cookie[equals + 1..]) {
                    (b"session", value) if session.is_none() => session = Some(value),
                    (b"theme", value) if theme.is_none() => theme = Some(value),
                    _ => {}
                }
            }
        }
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut value = u64::from(first);
    let mut shift = 4;
    while value >= 240 {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        value = value.wrapping_add(u64::from(byte).checked_shl(shift)?);
        shift += 7;
        if byte < 128 {
            break;
        }
    }
    Some((value, rest))
}

fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = varint(bytes)?;
    rest.split_at_checked(len as usize)
}

/// The last byte of an address; what follows the value.
fn value(bytes: &[u8]) -> Option<(Option<u8>, &[u8])> {
    let (&head, rest) = bytes.split_first()?;
    Some(match head & 15 {
        0 | 1 => (None, rest),
        2..=5 => (None, varint(rest)?.1),
        6 => (rest.get(3).copied(), rest.get(4..)?),
        7 => (rest.get(15).copied(), rest.get(16..)?),
        8 | 9 => (None, text(rest)?.1),
        _ => return None,
    })
}

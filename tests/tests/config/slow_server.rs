//! A server whose bodies come later than their heads.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

/// A response in two parts.
pub(crate) struct Slow {
    pub(crate) status: u16,
    /// The header besides those that frame the body.
    pub(crate) header: (&'static str, String),
    pub(crate) framing: Framing,
    /// The part of the body that comes with the head.
    pub(crate) first: &'static str,
    pub(crate) pause: Duration,
    pub(crate) second: &'static str,
}

/// The header that says where the body ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length,
    Chunks,
}

/// Starts a server that responds to each target.
pub(crate) fn slow_server(respond: fn(&str) -> Slow) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("it listens");
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream, respond));
        }
    });
    address
}

fn serve(mut stream: TcpStream, respond: fn(&str) -> Slow) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.extend(byte);
    }
    let head = String::from_utf8_lossy(&head);
    let Slow {
        status,
        header: (name, value),
        framing,
        first,
        pause,
        second,
    } = respond(head.split(' ').nth(1).unwrap_or_default());
    let (length, end) = match framing {
        Framing::Length => (
            format!("content-length: {}", first.len() + second.len()),
            "",
        ),
        Framing::Chunks => ("transfer-encoding: chunked".to_owned(), "0\r\n\r\n"),
    };
    let part = |text: &str| match framing {
        Framing::Chunks if !text.is_empty() => format!("{:x}\r\n{text}\r\n", text.len()),
        _ => text.to_owned(),
    };
    stream.set_nodelay(true)?;
    let head =
        format!("HTTP/1.1 {status} OK\r\nconnection: close\r\n{name}: {value}\r\n{length}\r\n\r\n");
    stream.write_all((head + &part(first)).as_bytes())?;
    // So that the rest is a segment of its own.
    thread::sleep(pause);
    stream.write_all((part(second) + end).as_bytes())?;
    // A socket that is closed with bytes unread resets the connection.
    stream.shutdown(Shutdown::Write)?;
    std::io::copy(&mut stream, &mut std::io::sink()).map(drop)
}

//! The address of an agent, as HAProxy's configuration writes it, and how to connect to it.
//!
//! It does not depend on SPOP.

use super::Error;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;
use tokio::time::timeout;

/// The number of bytes of an abstract socket's name, after its leading NUL.
#[cfg(target_os = "linux")]
const ABSTRACT_NAME: usize = 107;

#[derive(Debug, PartialEq, Eq)]
enum ParsedAddress<'a> {
    Tcp(&'a str),
    #[cfg(unix)]
    Unix(&'a str),
    #[cfg(target_os = "linux")]
    Abstract(&'a str),
}

/// A connection to an agent on which nothing has been sent, for a program that speaks SPOP itself. A
/// [`Client`](super::Client) opens its own.
#[derive(Debug)]
#[non_exhaustive]
pub enum Stream {
    /// Over TCP, with `TCP_NODELAY`.
    Tcp(TcpStream),
    /// Over a unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
}

impl Stream {
    /// Connects to an address, written as for [`Client::connect`](super::Client::connect), within
    /// `limit`.
    ///
    /// # Errors
    /// An [`Error`] if the text is not an address or nothing listens there.
    pub async fn connect(address: &str, limit: Duration) -> Result<Self, Error> {
        let parsed = ParsedAddress::parse(address).map_err(|reason| Error::Address {
            address: address.to_owned(),
            reason,
        })?;
        let connected = timeout(limit, parsed.connect()).await;
        let address = address.to_owned();
        connected
            .map_err(|_| Error::ConnectTimeout {
                address: address.clone(),
                limit,
            })?
            .map_err(|error| {
                let kind = error.kind();
                let source = Arc::new(error);
                match kind {
                    io::ErrorKind::ConnectionRefused | io::ErrorKind::NotFound => {
                        Error::NothingListens { address, source }
                    }
                    io::ErrorKind::PermissionDenied => Error::NotAllowed { address, source },
                    _ => Error::Connect { address, source },
                }
            })
    }
}

macro_rules! each {
    ($stream:expr, $io:ident => $do:expr) => {
        match $stream.get_mut() {
            Stream::Tcp($io) => $do,
            #[cfg(unix)]
            Stream::Unix($io) => $do,
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        each!(self, io => Pin::new(io).poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        each!(self, io => Pin::new(io).poll_shutdown(cx))
    }
}

impl<'a> ParsedAddress<'a> {
    fn parse(text: &'a str) -> Result<Self, &'static str> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix@") {
            return match path {
                "" => Err("there is no path"),
                path => Ok(ParsedAddress::Unix(path)),
            };
        }
        #[cfg(target_os = "linux")]
        if let Some(name) = text.strip_prefix("abns@") {
            return match name.len() {
                0 => Err("there is no name"),
                1..=ABSTRACT_NAME => Ok(ParsedAddress::Abstract(name)),
                _ => Err("the name has more than 107 bytes"),
            };
        }
        if text.starts_with('/') {
            return Err("a path needs `unix@` in front");
        }
        let (host, port) = text.rsplit_once(':').ok_or("there is no port")?;
        match port.parse::<u16>() {
            Err(_) | Ok(0) => Err("the port is not a number from 1 to 65535"),
            Ok(_) if host.is_empty() || host.contains('@') => Err("there is no host"),
            Ok(_) if host.contains(':') && !host.starts_with('[') => {
                Err("an IPv6 address is written in brackets, as in `[::1]:12345`")
            }
            Ok(_) => Ok(ParsedAddress::Tcp(text)),
        }
    }

    async fn connect(&self) -> io::Result<Stream> {
        match self {
            ParsedAddress::Tcp(address) => {
                let stream = TcpStream::connect(address).await?;
                // A frame must not wait for the ACK of the segment before it.
                stream.set_nodelay(true)?;
                Ok(Stream::Tcp(stream))
            }
            #[cfg(unix)]
            ParsedAddress::Unix(path) => UnixStream::connect(path).await.map(Stream::Unix),
            #[cfg(target_os = "linux")]
            ParsedAddress::Abstract(name) => {
                // HAProxy's `abns@` fills the whole name with NULs, and so must its peers.
                let mut path = vec![0; 1 + ABSTRACT_NAME];
                for (byte, given) in path.iter_mut().skip(1).zip(name.bytes()) {
                    *byte = given;
                }
                let path = std::os::unix::ffi::OsStringExt::from_vec(path);
                let path: std::ffi::OsString = path;
                UnixStream::connect(path).await.map(Stream::Unix)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_in_haproxys_configuration() {
        for address in ["127.0.0.1:12345", "[::1]:1", "agent.example:65535"] {
            assert_eq!(
                ParsedAddress::parse(address),
                Ok(ParsedAddress::Tcp(address))
            );
        }
        #[cfg(unix)]
        assert_eq!(
            ParsedAddress::parse("unix@/a:b"),
            Ok(ParsedAddress::Unix("/a:b"))
        );
        #[cfg(target_os = "linux")]
        assert_eq!(
            ParsedAddress::parse("abns@name"),
            Ok(ParsedAddress::Abstract("name"))
        );
    }

    #[test]
    fn an_invalid_address_says_why() {
        let long = format!("abns@{}", "x".repeat(108));
        for (address, reason) in [
            ("", "there is no port"),
            ("127.0.0.1", "there is no port"),
            ("/run/agent.sock", "a path needs `unix@` in front"),
            (":12345", "there is no host"),
            ("tcp@host:12345", "there is no host"),
            ("host:", "the port is not a number from 1 to 65535"),
            ("host:http", "the port is not a number from 1 to 65535"),
            ("host:0", "the port is not a number from 1 to 65535"),
            ("host:65536", "the port is not a number from 1 to 65535"),
            (
                "::1:12345",
                "an IPv6 address is written in brackets, as in `[::1]:12345`",
            ),
            #[cfg(unix)]
            ("unix@", "there is no path"),
            #[cfg(target_os = "linux")]
            ("abns@", "there is no name"),
            #[cfg(target_os = "linux")]
            (&long, "the name has more than 107 bytes"),
        ] {
            assert_eq!(ParsedAddress::parse(address), Err(reason), "{address}");
        }
    }
}

//! The socket of a connection under load, non-blocking, with or without TLS.

use crate::transport::Connected;
use rustls::ClientConnection;
use spoa::client::Stream;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;

#[derive(Debug)]
pub(super) struct Socket {
    raw: Raw,
    tls: Option<Box<ClientConnection>>,
}

#[derive(Debug)]
enum Raw {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Takes over a connection.
    pub(super) fn new(connected: Connected) -> io::Result<Self> {
        let (stream, tls) = match connected {
            Connected::Plain(stream) => (stream, None),
            Connected::Tls(stream) => {
                let (stream, tls) = stream.into_inner();
                (stream, Some(Box::new(tls)))
            }
        };
        // tokio's sockets are non-blocking, and stay so.
        let raw = match stream {
            Stream::Tcp(stream) => Raw::Tcp(stream.into_std()?),
            Stream::Unix(stream) => Raw::Unix(stream.into_std()?),
            _ => return Err(io::ErrorKind::Unsupported.into()),
        };
        Ok(Socket { raw, tls })
    }

    pub(super) fn fd(&self) -> RawFd {
        match &self.raw {
            Raw::Tcp(stream) => stream.as_raw_fd(),
            Raw::Unix(stream) => stream.as_raw_fd(),
        }
    }

    /// Returns whether a short read may leave bytes in the socket.
    pub(super) fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.raw.read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                done => return done,
            }
            if tls.read_tls(&mut self.raw)? == 0 {
                return Ok(0);
            }
            if let Err(error) = tls.process_new_packets() {
                // The alert for the agent's log.
                let _ = tls.write_tls(&mut self.raw);
                return Err(io::Error::new(io::ErrorKind::InvalidData, error));
            }
        }
    }

    /// Writes as many bytes as the socket, or the records of TLS, take.
    #[inline]
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.tls.is_none() {
            return self.raw.write(bytes);
        }
        self.push()?;
        match &mut self.tls {
            Some(tls) => tls.writer().write(bytes),
            None => Ok(0),
        }
    }

    /// Writes the records of TLS that the socket has not taken.
    #[inline]
    pub(super) fn push(&mut self) -> io::Result<()> {
        if let Some(tls) = &mut self.tls {
            while tls.wants_write() {
                tls.write_tls(&mut self.raw)?;
            }
        }
        Ok(())
    }
}

impl Read for Raw {
    #[inline]
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Raw::Tcp(stream) => stream.read(buffer),
            Raw::Unix(stream) => stream.read(buffer),
        }
    }
}

impl Write for Raw {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Raw::Tcp(stream) => stream.write(bytes),
            Raw::Unix(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

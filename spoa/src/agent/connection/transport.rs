//! The stream of one connection: reads, and one way for bytes to leave.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A stream, and the bytes that it has not taken yet.
#[derive(Debug)]
pub(crate) struct Transport<S> {
    io: S,
    /// To be written, from `written` on.
    output: Vec<u8>,
    written: usize,
    /// Whether the stream itself holds what was written: one that encrypts may.
    unflushed: bool,
}

impl<S> Transport<S> {
    pub(crate) fn new(io: S) -> Self {
        Transport {
            io,
            output: Vec::new(),
            written: 0,
            unflushed: false,
        }
    }

    pub(crate) fn into_io(self) -> S {
        self.io
    }

    /// Returns how many bytes wait to be written.
    #[inline]
    pub(crate) fn unwritten(&self) -> usize {
        self.output.len() - self.written
    }

    /// Returns whether anything has not left yet.
    #[inline]
    pub(crate) fn has_unwritten(&self) -> bool {
        self.unflushed || !self.output.is_empty()
    }

    /// Returns how many bytes of memory it keeps.
    #[inline]
    pub(crate) fn kept(&self) -> usize {
        self.output.capacity()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Transport<S> {
    /// Reads once; 0 bytes are the end of the stream.
    #[inline]
    pub(crate) fn read(
        &mut self,
        cx: &mut Context<'_>,
        into: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(into);
        ready!(Pin::new(&mut self.io).poll_read(cx, &mut buffer))?;
        Poll::Ready(Ok(buffer.filled().len()))
    }

    /// Writes `bytes` after everything that was written before, keeps what the stream does not take, and
    /// leaves `bytes` empty.
    #[inline]
    pub(crate) fn write(&mut self, cx: &mut Context<'_>, bytes: &mut Vec<u8>) -> io::Result<()> {
        if bytes.is_empty() {
            return Ok(());
        }
        if !self.output.is_empty() {
            self.output.append(bytes);
            return Ok(());
        }
        let mut written = 0;
        while let Some(rest @ [_, ..]) = bytes.get(written..) {
            match write_once(&mut self.io, cx, rest) {
                Poll::Ready(count) => written += count?,
                Poll::Pending => {
                    self.output.extend_from_slice(rest);
                    break;
                }
            }
        }
        self.unflushed = Pin::new(&mut self.io).poll_flush(cx)?.is_pending();
        bytes.clear();
        Ok(())
    }

    /// Writes what the stream did not take before; ready when all of it has left.
    #[inline]
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while let Some(rest @ [_, ..]) = self.output.get(self.written..) {
            self.written += ready!(write_once(&mut self.io, cx, rest))?;
        }
        if self.written > 0 {
            self.output = Vec::new();
            self.written = 0;
            self.unflushed = true;
        }
        if self.unflushed {
            ready!(Pin::new(&mut self.io).poll_flush(cx))?;
            self.unflushed = false;
        }
        Poll::Ready(Ok(()))
    }
}

/// Writes once; a stream that takes nothing has failed.
fn write_once<S: AsyncWrite + Unpin>(
    io: &mut S,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(io).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        count => Poll::Ready(Ok(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Waker;
    use tokio::io::{AsyncReadExt, duplex};

    #[tokio::test]
    async fn bytes_leave_in_the_order_in_which_they_were_written() {
        let (mut peer, io) = duplex(4);
        let mut transport = Transport::new(io);
        let mut cx = Context::from_waker(Waker::noop());
        for bytes in ["abcdef", "gh", "", "ij"] {
            let mut bytes = bytes.as_bytes().to_vec();
            transport.write(&mut cx, &mut bytes).unwrap();
            assert!(bytes.is_empty());
        }
        assert_eq!(transport.unwritten(), 6);
        let mut came = [0; 10];
        for at in (0..8).step_by(4) {
            peer.read_exact(&mut came[at..at + 4]).await.unwrap();
            let flushed = transport.poll_flush(&mut cx);
            assert_eq!(flushed.is_ready(), at == 4);
        }
        peer.read_exact(&mut came[8..]).await.unwrap();
        assert_eq!(&came, b"abcdefghij");
        assert!(!transport.has_unwritten());
        assert_eq!(transport.kept(), 0);
    }
}

//! A stream in memory whose reads and writes are functions of a test.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection whose other end is two functions. A read that puts nothing into the buffer is the end.
///
/// ```
/// use spoa_test_support::Stream;
/// use std::task::Poll;
///
/// let mut written = 0;
/// let stream = Stream::new(
///     |_, buffer| {
///         buffer.put_slice(b"all that the peer sends");
///         Poll::Ready(())
///     },
///     move |_, bytes: &[u8]| written += bytes.len(),
/// );
/// ```
pub struct Stream<R, W> {
    read: R,
    write: W,
}

impl<R, W> std::fmt::Debug for Stream<R, W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Stream")
    }
}

impl<R, W> Stream<R, W>
where
    R: FnMut(&mut Context<'_>, &mut ReadBuf<'_>) -> Poll<()> + Unpin,
    W: FnMut(&mut Context<'_>, &[u8]) + Unpin,
{
    /// Returns a stream that reads with one function, and takes all bytes written with the other.
    pub fn new(read: R, write: W) -> Self {
        Self { read, write }
    }
}

impl<R, W> AsyncRead for Stream<R, W>
where
    R: FnMut(&mut Context<'_>, &mut ReadBuf<'_>) -> Poll<()> + Unpin,
    W: Unpin,
{
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        (self.read)(cx, into).map(Ok)
    }
}

impl<R, W> AsyncWrite for Stream<R, W>
where
    R: Unpin,
    W: FnMut(&mut Context<'_>, &[u8]) + Unpin,
{
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        (self.write)(cx, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

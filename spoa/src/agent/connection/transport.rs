//! Reading into and writing from plain slices.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Reads once; 0 bytes are the end of the stream.
pub(crate) fn poll_read<S: AsyncRead + Unpin>(
    io: &mut S,
    cx: &mut Context<'_>,
    into: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(into);
    ready!(Pin::new(io).poll_read(cx, &mut buffer))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

/// Writes once; that nothing can be written is an error.
pub(crate) fn poll_write<S: AsyncWrite + Unpin>(
    io: &mut S,
    cx: &mut Context<'_>,
    bytes: &[u8],
) -> Poll<io::Result<usize>> {
    match ready!(Pin::new(io).poll_write(cx, bytes))? {
        0 => Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
        count => Poll::Ready(Ok(count)),
    }
}

/// Passes on what was written; only a stream that encrypts holds anything.
pub(crate) fn poll_flush<S: AsyncWrite + Unpin>(
    io: &mut S,
    cx: &mut Context<'_>,
) -> Poll<io::Result<()>> {
    Pin::new(io).poll_flush(cx)
}

//! A peer in memory that says HELLO, sends the same batch again and again, and reads all answers:
//! a connection without the kernel.

use crate::frames;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Such a peer.
#[derive(Debug)]
pub struct Feed {
    hello: Option<Vec<u8>>,
    batch: Vec<u8>,
    rounds: usize,
}

impl Feed {
    /// One that sends `batch` so many times and closes.
    #[must_use]
    pub fn new(batch: Vec<u8>, rounds: usize) -> Self {
        Feed {
            hello: Some(frames::hello()),
            batch,
            rounds,
        }
    }
}

impl AsyncRead for Feed {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        into: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if let Some(hello) = self.hello.take() {
            into.put_slice(&hello);
        } else if self.rounds > 0 {
            self.rounds -= 1;
            into.put_slice(&self.batch);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Feed {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

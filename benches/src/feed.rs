//! A peer in memory that says HELLO, sends one batch again and again, and reads all answers:
//! a connection without the kernel.

use spoa_test_support::{Stream, hello};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Returns a peer that sends `batch` `rounds` times and closes.
pub fn feed(batch: Vec<u8>, mut rounds: usize) -> impl AsyncRead + AsyncWrite + Unpin {
    let mut hello = Some(hello(16380));
    let read = move |_: &mut Context<'_>, into: &mut ReadBuf<'_>| {
        if let Some(hello) = hello.take() {
            into.put_slice(&hello);
        } else if rounds > 0 {
            rounds -= 1;
            into.put_slice(&batch);
        }
        Poll::Ready(())
    };
    Stream::new(read, |_: &mut Context<'_>, _: &[u8]| {})
}

//! Passes the bytes of each connection on, and hands a copy to the observer.
//!
//! The bytes leave before they are copied, and nothing waits for the observer.

use super::Queue;
use super::listener::{HaproxyStream, Listener};
use super::observer::{Seen, Side};
use crate::transport::Target;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Sender;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, split};

/// The limit on bytes that pass in one piece.
const PIECE: usize = 64 << 10;

/// The time between two lines about an agent that cannot be reached.
const COMPLAINTS: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct Tap {
    target: Target,
    patience: Duration,
    seen: Sender<Seen>,
    pub(super) queue: Arc<Queue>,
}

impl Tap {
    pub(super) fn new(target: Target, patience: Duration, seen: Sender<Seen>) -> Self {
        Tap {
            target,
            patience,
            seen,
            queue: Arc::default(),
        }
    }

    /// Takes connections until the future is dropped.
    pub(super) async fn serve(self, listener: Listener) {
        let tap = Arc::new(self);
        let complained = Arc::new(std::sync::Mutex::new(None));
        let mut number = 0;
        loop {
            let Ok(stream) = listener.accept().await else {
                // The system is out of descriptors.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            number += 1;
            let (tap, complained) = (Arc::clone(&tap), Arc::clone(&complained));
            tokio::spawn(async move {
                if let Err(error) = tap.connection(number, stream).await {
                    let mut last = complained.lock().unwrap_or_else(|error| error.into_inner());
                    let now = Instant::now();
                    if last.is_none_or(|last| now.duration_since(last) > COMPLAINTS) {
                        *last = Some(now);
                        eprintln!("warning: a connection of HAProxy is closed: {error}");
                    }
                }
            });
        }
    }

    async fn connection(
        &self,
        number: u64,
        haproxy: Box<dyn HaproxyStream>,
    ) -> Result<(), crate::transport::ConnectError> {
        let agent = self.target.connect(self.patience).await?;
        let (from_haproxy, to_haproxy) = split(haproxy);
        let (from_agent, to_agent) = split(agent);
        let lost = AtomicBool::new(false);
        let asked = self.pass(number, Side::Haproxy, from_haproxy, to_agent, &lost);
        let answered = self.pass(number, Side::Agent, from_agent, to_haproxy, &lost);
        // Either end may close first: the last frames of the other one still pass.
        let _ = tokio::join!(asked, answered);
        let _ = self.seen.send(Seen::Closed(number));
        Ok(())
    }

    async fn pass(
        &self,
        connection: u64,
        side: Side,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        lost: &AtomicBool,
    ) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        loop {
            let read = from.read(&mut buffer).await;
            let count = match read {
                Ok(count @ 1..) => count,
                _ => {
                    return to.shutdown().await;
                }
            };
            let at = Instant::now();
            let bytes = buffer.get(..count).unwrap_or_default();
            to.write_all(bytes).await?;
            to.flush().await?;
            if lost.load(Ordering::Relaxed) || self.queue.closed.load(Ordering::Relaxed) {
                continue;
            }
            let seen = if self.queue.take(count) {
                Seen::Bytes {
                    connection,
                    side,
                    at,
                    bytes: bytes.to_vec(),
                }
            } else {
                lost.store(true, Ordering::Relaxed);
                Seen::Lost(connection)
            };
            let _ = self.seen.send(seen);
        }
    }
}

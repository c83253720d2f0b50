//! What passes between HAProxy and the agent, byte for byte, and a look at the frames.
//!
//! It must not know what becomes of what it saw.

use super::watch::Watch;
use crate::spop::{Frame, FrameIds, FrameType};
use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};

/// The largest frame that is looked at: larger ones pass unseen.
const LIMIT: u32 = 1 << 24;

/// Takes connections for the agent until it is dropped.
pub(super) async fn serve(listener: TcpListener, agent: String, watch: Arc<Watch>) {
    static CONNECTIONS: AtomicU64 = AtomicU64::new(0);
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        let (agent, watch) = (agent.clone(), Arc::clone(&watch));
        let connection = CONNECTIONS.fetch_add(1, Relaxed);
        tokio::spawn(async move {
            let Ok(behind) = TcpStream::connect(&agent).await else {
                return;
            };
            let _ = (stream.set_nodelay(true), behind.set_nodelay(true));
            let (from_haproxy, to_haproxy) = stream.into_split();
            let (from_agent, to_agent) = behind.into_split();
            let seen = Seen {
                watch,
                connection,
                fragments: HashMap::new(),
            };
            let answered = Seen {
                watch: Arc::clone(&seen.watch),
                connection,
                fragments: HashMap::new(),
            };
            // Either end may say goodbye first: the other one's last words still pass.
            let _ = tokio::join!(
                pass(from_haproxy, to_agent, seen),
                pass(from_agent, to_haproxy, answered)
            );
        });
    }
}

/// Passes on what comes, after a look at it.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut seen: Seen) -> io::Result<()> {
    let (mut bytes, mut buffer) = (Vec::new(), vec![0; 64 << 10]);
    let mut readable = true;
    loop {
        let length = from.read(&mut buffer).await?;
        let came = buffer.get(..length).unwrap_or_default();
        if came.is_empty() {
            return to.shutdown().await;
        }
        if readable {
            bytes.extend_from_slice(came);
            let mut rest = bytes.as_slice();
            loop {
                match Frame::split(&mut rest, LIMIT) {
                    Ok(Some(frame)) => seen.frame(&frame),
                    Ok(None) => break,
                    // It passes all the same: the ends judge it.
                    Err(_) => {
                        readable = false;
                        break;
                    }
                }
            }
            let used = bytes.len() - rest.len();
            bytes.drain(..used);
        }
        to.write_all(came).await?;
    }
}

/// One direction of a connection.
struct Seen {
    watch: Arc<Watch>,
    connection: u64,
    /// NOTIFYs that have not come whole.
    fragments: HashMap<FrameIds, Vec<u8>>,
}

impl Seen {
    fn frame(&mut self, frame: &Frame<'_>) {
        let key = (self.connection, frame.ids);
        match frame.frame_type {
            FrameType::NOTIFY | FrameType::UNSET => {
                let begun = self.fragments.remove(&frame.ids);
                let mut payload = begun.unwrap_or_default();
                payload.extend_from_slice(frame.payload);
                if frame.flags.fin() {
                    self.watch.asked(key, &payload);
                } else {
                    self.fragments.insert(frame.ids, payload);
                }
            }
            FrameType::ACK => self.watch.answered(key, frame.payload),
            _ => {}
        }
    }
}

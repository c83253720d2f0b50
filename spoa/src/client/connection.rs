//! One connection of a client: the session its senders share, and the task that moves the bytes.
//!
//! It has no addresses, and no timer except the time that a peer gets at the end.

use super::{Ack, Error};
use crate::spop::session::{EngineEvent, EngineSession, NotifyError, Received};
use crate::spop::{Disconnect, FrameIds};
use std::collections::HashMap;
use std::io::{self, Cursor};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{Notify, oneshot};
use tokio::time::timeout;

/// The number of unsent bytes at which senders wait: the peer reads slower than they write.
const MAX_UNSENT: usize = 256 << 10;

/// The time that a peer gets to say why it stopped reading, or to take the last frame.
const GRACE: Duration = Duration::from_secs(1);

/// The state that the senders and the task share.
#[derive(Debug)]
pub(super) struct ClientConnection {
    state: Mutex<ConnectionState>,
    /// Notifies the task that there are bytes to send.
    unsent: Notify,
    /// Notifies senders that bytes were sent, or that the connection ended.
    changed: Notify,
}

#[derive(Debug)]
struct ConnectionState {
    session: EngineSession,
    out: Vec<u8>,
    waiting: HashMap<FrameIds, oneshot::Sender<Ack>>,
    closing: bool,
    ended: Option<Error>,
}

impl ClientConnection {
    /// The HELLOs have been exchanged.
    pub(super) fn new(session: EngineSession) -> Self {
        ClientConnection {
            state: Mutex::new(ConnectionState {
                session,
                out: Vec::new(),
                waiting: HashMap::new(),
                closing: false,
                ended: None,
            }),
            unsent: Notify::new(),
            changed: Notify::new(),
        }
    }

    /// Sends a NOTIFY and waits for its ACK.
    pub(super) async fn exchange(&self, payload: &[u8]) -> Result<Ack, Error> {
        let (ids, ack) = loop {
            let changed = self.changed.notified();
            if let Some(sent) = self.send(payload)? {
                break sent;
            }
            changed.await;
        };
        let _pending = PendingNotify {
            connection: self,
            ids,
        };
        ack.await.map_err(|_| self.state().why_ended())
    }

    /// Returns `None` if too many bytes are unsent.
    fn send(&self, payload: &[u8]) -> Result<Option<(FrameIds, oneshot::Receiver<Ack>)>, Error> {
        let mut state = self.state();
        let state = &mut *state;
        if state.ended.is_some() {
            return Err(state.why_ended());
        }
        if state.out.len() >= MAX_UNSENT {
            return Ok(None);
        }
        let ids = match state.session.notify(payload, &mut state.out) {
            Ok(ids) => ids,
            Err(NotifyError::TooBig { size, limit }) => {
                return Err(Error::TooBig { size, limit });
            }
            // The places are as many as may be in flight, and the ids the session's own.
            Err(
                NotifyError::NotRunning | NotifyError::NoPipelining | NotifyError::IdsInFlight(_),
            ) => {
                return Err(state.why_ended());
            }
        };
        let (sender, receiver) = oneshot::channel();
        state.waiting.insert(ids, sender);
        self.unsent.notify_one();
        Ok(Some((ids, receiver)))
    }

    /// Closes the connection gracefully: sends a DISCONNECT.
    pub(super) fn disconnect(&self, disconnect: Disconnect<'_>) -> Result<(), Error> {
        let mut state = self.state();
        let state = &mut *state;
        if let Some(ended) = &state.ended {
            return Err(ended.clone());
        }
        state.closing = true;
        state.session.disconnect(disconnect, &mut state.out);
        state.waiting.clear();
        self.unsent.notify_one();
        Ok(())
    }

    /// Waits for the end, and returns its reason.
    pub(super) async fn ended(&self) -> Error {
        loop {
            let changed = self.changed.notified();
            if let Some(ended) = &self.state().ended {
                return ended.clone();
            }
            changed.await;
        }
    }

    #[cfg(test)]
    pub(super) fn in_flight(&self) -> usize {
        self.state().session.in_flight()
    }

    /// Handles the bytes that arrived; returns how many of them are used up, and the reason if the connection ended.
    fn receive(&self, input: &[u8]) -> (usize, Option<Error>) {
        let mut state = self.state();
        let state = &mut *state;
        let mut done = 0;
        loop {
            let rest = input.get(done..).unwrap_or_default();
            let Received { used, event } = state.session.receive(rest, &mut state.out);
            done += used;
            match event {
                None => return (done, None),
                Some(EngineEvent::Ack { ids, actions }) => {
                    // A caller that stopped waiting has removed its sender.
                    if let Some(sender) = state.waiting.remove(&ids) {
                        let _ = sender.send(Ack::new(ids, actions.payload()));
                    }
                }
                Some(EngineEvent::Late { .. }) => {}
                Some(event) => return (done, Some(reason(event))),
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        // Nothing is done under the lock that leaves it half done when it panics.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ConnectionState {
    fn why_ended(&self) -> Error {
        match &self.ended {
            _ if self.closing => Error::Closed,
            Some(reason) => reason.clone(),
            None => Error::Lost,
        }
    }
}

/// A sender that waits. Dropping it removes its entry, so that senders that stop waiting leave nothing behind.
struct PendingNotify<'c> {
    connection: &'c ClientConnection,
    ids: FrameIds,
}

impl Drop for PendingNotify<'_> {
    fn drop(&mut self) {
        let mut state = self.connection.state();
        state.waiting.remove(&self.ids);
        state.session.give_up(self.ids);
    }
}

/// Returns the error for an event that is neither HELLO nor ACK.
pub(super) fn reason(event: EngineEvent<'_>) -> Error {
    match event {
        EngineEvent::Disconnect(Disconnect { status, message }) => Error::Disconnected {
            status,
            message: message.to_owned(),
        },
        EngineEvent::Refused(refusal) => Error::Refused(refusal),
        EngineEvent::AgentHello(_) | EngineEvent::Ack { .. } | EngineEvent::Late { .. } => {
            Error::Lost
        }
    }
}

/// Moves the bytes until the connection ends; `input` has the bytes that arrived before.
pub(super) async fn drive<S>(stream: S, input: Vec<u8>, connection: Arc<ClientConnection>)
where
    S: AsyncRead + AsyncWrite,
{
    let (reader, mut writer) = tokio::io::split(stream);
    let mut sending = Cursor::new(Vec::new());
    let reason = {
        let mut reading = pin!(read(reader, input, &connection));
        tokio::select! {
            reason = &mut reading => reason,
            // A peer that stopped reading may have said why, which is worth more than a broken pipe.
            error = write(&mut writer, &mut sending, &connection) => {
                let broken = Error::Io(Arc::new(error));
                timeout(GRACE, reading).await.unwrap_or(broken)
            }
        }
    };
    // From here on nothing is sent. Waiting senders are woken after the last bytes are out.
    connection.state().ended.get_or_insert(reason);
    // These may be a HAPROXY-DISCONNECT; if the peer is gone, it needs none.
    let _ = timeout(GRACE, async {
        writer.write_all_buf(&mut sending).await?;
        let out = std::mem::take(&mut connection.state().out);
        writer.write_all(&out).await?;
        writer.shutdown().await
    })
    .await;
    connection.state().waiting.clear();
    connection.changed.notify_waiters();
}

async fn read(
    mut reader: impl AsyncRead + Unpin,
    mut input: Vec<u8>,
    connection: &ClientConnection,
) -> Error {
    loop {
        let (used, ended) = connection.receive(&input);
        if let Some(reason) = ended {
            return reason;
        }
        input.drain(..used);
        // At most one unfinished frame is left, so the buffer is as bounded as frames are.
        match reader.read_buf(&mut input).await {
            Ok(0) => return Error::Lost,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return Error::Lost;
            }
            Err(error) => return Error::Io(Arc::new(error)),
        }
    }
}

/// Writes until a write fails; `sending` then has the bytes that were not written.
async fn write(
    writer: &mut (impl AsyncWrite + Unpin),
    sending: &mut Cursor<Vec<u8>>,
    connection: &ClientConnection,
) -> io::Error {
    loop {
        connection.unsent.notified().await;
        // One write for all that came together.
        let mut bytes = std::mem::take(sending).into_inner();
        bytes.clear();
        std::mem::swap(&mut bytes, &mut connection.state().out);
        *sending = Cursor::new(bytes);
        connection.changed.notify_waiters();
        if let Err(error) = writer.write_all_buf(sending).await {
            return error;
        }
    }
}

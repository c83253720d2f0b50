//! One connection under load: a socket, the engine's end of the session, and the slots that NOTIFYs
//! in flight take.

use super::socket::Socket;
use crate::transport::Connected;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use spoa::spop::session::{EngineEvent, EngineSession, NotifyError, Refusal};
use spoa::spop::{ActionIter, Disconnect, FrameIds, Status};
use std::fmt;
use std::io;

/// A connection on which the HELLOs have been exchanged.
#[derive(Debug)]
pub(super) struct BenchConnection {
    socket: Socket,
    session: EngineSession,
    slots: Vec<NotifySlot>,
    /// The number of slots in use.
    waiting: usize,
    /// The beginning of a frame whose rest has not come.
    rest: Vec<u8>,
    /// The bytes to write, from `written` on.
    out: Vec<u8>,
    written: usize,
}

/// The slot of one NOTIFY in flight.
#[derive(Clone, Copy, Debug, Default)]
struct NotifySlot {
    /// The number of NOTIFYs that used this slot.
    turn: u64,
    /// When the NOTIFY in flight was due.
    due: Option<u64>,
}

/// A frame of the agent.
#[derive(Debug)]
pub(super) enum Answer<'a> {
    /// The ACK to the NOTIFY that took a slot.
    Ack {
        slot: usize,
        /// When that NOTIFY was due.
        due: u64,
        actions: ActionIter<'a>,
    },
    /// A second ACK for a NOTIFY.
    Twice(FrameIds),
}

/// Why a connection ended.
#[derive(Debug)]
pub(super) enum End {
    Closed,
    Disconnected(Status, String),
    Refused(Refusal),
    Broken(io::Error),
}

/// The result of a read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Filled {
    /// The number of bytes of input in the buffer.
    pub(super) len: usize,
    /// Whether there may be more to read.
    pub(super) more: bool,
}

impl BenchConnection {
    /// Takes over a connection with its session and the bytes that came after the HELLO.
    pub(super) fn new(
        stream: Connected,
        session: EngineSession,
        rest: Vec<u8>,
        slots: usize,
    ) -> io::Result<Self> {
        Ok(BenchConnection {
            socket: Socket::new(stream)?,
            session,
            slots: vec![NotifySlot::default(); slots],
            waiting: 0,
            rest,
            out: Vec::new(),
            written: 0,
        })
    }

    pub(super) fn register(&self, registry: &Registry, token: Token) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        registry.register(&mut SourceFd(&self.socket.fd()), token, interest)
    }

    pub(super) fn deregister(&self, registry: &Registry) -> io::Result<()> {
        registry.deregister(&mut SourceFd(&self.socket.fd()))
    }

    /// Returns the number of NOTIFYs that wait for their ACK.
    pub(super) fn waiting(&self) -> usize {
        self.waiting
    }

    /// Appends a NOTIFY that takes a free slot; nothing is written before [`BenchConnection::flush`].
    #[inline]
    pub(super) fn notify(
        &mut self,
        slot: usize,
        payload: &[u8],
        due: u64,
    ) -> Result<(), NotifyError> {
        let count = self.slots.len() as u64;
        let Some(taken) = self.slots.get_mut(slot) else {
            return Ok(());
        };
        // The id names the slot, and is odd and new each time as HAProxy's are.
        let turn = taken.turn.wrapping_mul(count).wrapping_add(slot as u64);
        let ids = FrameIds {
            stream_id: turn.wrapping_mul(2).wrapping_add(1),
            frame_id: 1,
        };
        self.session.notify_as(ids, payload, &mut self.out)?;
        taken.turn = taken.turn.wrapping_add(1);
        taken.due = Some(due);
        self.waiting += 1;
        Ok(())
    }

    /// Appends a DISCONNECT.
    pub(super) fn disconnect(&mut self) {
        self.session
            .disconnect(Status::NORMAL.into(), &mut self.out);
    }

    /// Writes the pending bytes that the socket accepts. It is called again when the
    /// socket can be written to.
    #[inline]
    pub(super) fn flush(&mut self) -> Result<(), End> {
        while let Some(rest @ [_, ..]) = self.out.get(self.written..) {
            match self.socket.write(rest) {
                Ok(count) => self.written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(End::broken(error)),
            }
        }
        self.out.clear();
        self.written = 0;
        match self.socket.push() {
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => Err(End::broken(error)),
            _ => Ok(()),
        }
    }

    /// Reads once, after the rest of the last read; the buffer has room for the largest frame.
    #[inline]
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> Result<Filled, End> {
        let kept = self.rest.len();
        let (front, room) = buffer.split_at_mut(kept.min(buffer.len()));
        front.copy_from_slice(&self.rest);
        loop {
            return match self.socket.read(room) {
                Ok(0) => Err(End::Closed),
                Ok(count) => {
                    self.rest.clear();
                    Ok(Filled {
                        len: kept + count,
                        more: count == room.len() || self.socket.is_tls(),
                    })
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Filled {
                    len: 0,
                    more: false,
                }),
                Err(error) => Err(End::broken(error)),
            };
        }
    }

    /// Takes all whole frames of what was read, and keeps the rest for the next read.
    #[inline]
    pub(super) fn receive(
        &mut self,
        input: &[u8],
        mut answered: impl FnMut(Answer<'_>),
    ) -> Result<(), End> {
        let mut input = input;
        loop {
            let received = self.session.receive(input, &mut self.out);
            input = input.get(received.used..).unwrap_or_default();
            match received.event {
                None => {
                    self.rest.extend_from_slice(input);
                    return Ok(());
                }
                Some(EngineEvent::Ack { ids, actions }) => {
                    let count = self.slots.len() as u64;
                    let slot = (ids.stream_id / 2).checked_rem(count).unwrap_or_default() as usize;
                    let due = self.slots.get_mut(slot).and_then(|taken| taken.due.take());
                    if let Some(due) = due {
                        self.waiting -= 1;
                        answered(Answer::Ack { slot, due, actions });
                    }
                }
                Some(EngineEvent::Late { ids }) => answered(Answer::Twice(ids)),
                Some(EngineEvent::Disconnect(Disconnect { status, message })) => {
                    return Err(End::Disconnected(status, message.to_owned()));
                }
                Some(EngineEvent::Refused(refusal)) => {
                    // The text that HAProxy would send: the agent may log it.
                    let _ = self.flush();
                    return Err(End::Refused(refusal));
                }
                // There is one HELLO, and it has come.
                Some(_) => {}
            }
        }
    }
}

impl End {
    fn broken(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => End::Closed,
            _ => End::Broken(error),
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            End::Closed => f.write_str("the agent closed it"),
            End::Disconnected(status, message) => {
                write!(f, "the agent ended it: status {}, {status}", status.code())?;
                if !message.is_empty() && message != status.words() {
                    write!(f, " (`{}`)", message.escape_debug())?;
                }
                Ok(())
            }
            End::Refused(refusal) => write!(f, "HAProxy would end it: {refusal}"),
            End::Broken(error) => write!(f, "it broke: {error}"),
        }
    }
}

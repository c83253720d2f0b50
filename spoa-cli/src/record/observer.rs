//! Turns the bytes that passed into exchanges, and writes them to the file.

use super::Queue;
use super::sink::Sink;
use crate::recording::{Hashes, RecordingLine};
use spoa::spop::{AgentHello, Capabilities, Frame, FrameIds, FrameType, HaproxyHello};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The largest frame that is read.
const LARGEST: u32 = 1 << 24;

/// The limit on the bytes of a NOTIFY in fragments.
const REASSEMBLED: usize = 16 << 20;

/// The limit on NOTIFYs in flight on a connection; HAProxy has at most 20.
const IN_FLIGHT: usize = 1024;

/// The time after which lines are written to the file, even if there are few.
const FLUSH: Duration = Duration::from_secs(1);

/// An event on a connection.
#[derive(Debug)]
pub(super) enum Seen {
    /// Bytes passed.
    Bytes {
        connection: u64,
        side: Side,
        at: Instant,
        bytes: Vec<u8>,
    },
    /// Bytes passed that could not be kept: the connection is not observed to its end.
    Lost(u64),
    Closed(u64),
}

/// The end of a connection that sent bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Haproxy,
    Agent,
}

/// The figures of a recording.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) connections: u64,
    pub(super) exchanges: u64,
    /// Exchanges without ACK.
    pub(super) unanswered: u64,
    /// NOTIFYs and connections that are not SPOP.
    pub(super) unreadable: u64,
    /// Connections with lost bytes.
    pub(super) lost: u64,
    /// The size of the file.
    pub(super) bytes: u64,
    /// Whether the file reached its limit.
    pub(super) full: bool,
    /// The names without a hashed argument.
    pub(super) unused: Vec<String>,
}

#[derive(Debug)]
pub(super) struct TrafficObserver<W: Write = BufWriter<File>> {
    sink: Sink<W>,
    hashes: Hashes,
    queue: Arc<Queue>,
    began: Instant,
    connections: HashMap<u64, ObservedConnection>,
    counts: Counts,
}

/// A connection that is observed.
#[derive(Debug, Default)]
struct ObservedConnection {
    engine: Option<String>,
    offered: Option<u32>,
    capabilities: Capabilities,
    /// Whether the file has its line.
    written: bool,
    /// Whether nothing more of it is read.
    given_up: bool,
    asked: Vec<u8>,
    answered: Vec<u8>,
    /// NOTIFYs with fragments still missing.
    fragments: HashMap<FrameIds, Vec<u8>>,
    /// NOTIFYs in flight.
    in_flight: HashMap<FrameIds, Notify>,
}

#[derive(Debug)]
struct Notify {
    at: Instant,
    payload: Vec<u8>,
}

impl<W: Write> TrafficObserver<W> {
    pub(super) fn new(sink: Sink<W>, hashes: Hashes, queue: Arc<Queue>) -> Self {
        TrafficObserver {
            sink,
            hashes,
            queue,
            began: Instant::now(),
            connections: HashMap::new(),
            counts: Counts::default(),
        }
    }

    /// Observes until all senders are gone.
    pub(super) fn run(mut self, seen: &Receiver<Seen>) -> io::Result<Counts> {
        let observed = self.observe(seen);
        // Nobody reads the queue from here on.
        self.queue.closed.store(true, Ordering::Relaxed);
        observed?;
        let open: Vec<u64> = self.connections.keys().copied().collect();
        for number in open {
            self.close(number)?;
        }
        self.sink.flush()?;
        let unused = self.hashes.unused().map(str::to_owned).collect();
        Ok(Counts {
            bytes: self.sink.size(),
            full: self.sink.is_full(),
            unused,
            ..self.counts
        })
    }

    fn observe(&mut self, seen: &Receiver<Seen>) -> io::Result<()> {
        loop {
            match seen.recv_timeout(FLUSH) {
                Ok(seen) => self.take(seen)?,
                Err(RecvTimeoutError::Timeout) => self.sink.flush()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.sink.is_full() && !self.counts.full {
                self.counts.full = true;
                self.queue.closed.store(true, Ordering::Relaxed);
                eprintln!("recording: the file reached --max-size; frames still pass");
            }
        }
    }

    fn take(&mut self, seen: Seen) -> io::Result<()> {
        match seen {
            Seen::Bytes {
                connection,
                side,
                at,
                bytes,
            } => {
                self.queue.give_back(bytes.len());
                self.bytes(connection, side, at, &bytes)
            }
            Seen::Lost(connection) => {
                self.counts.lost += 1;
                if let Some(connection) = self.connections.get_mut(&connection) {
                    connection.given_up = true;
                }
                Ok(())
            }
            Seen::Closed(connection) => self.close(connection),
        }
    }

    fn bytes(&mut self, number: u64, side: Side, at: Instant, bytes: &[u8]) -> io::Result<()> {
        let connection = self.connections.entry(number).or_default();
        if connection.given_up || self.sink.is_full() {
            return Ok(());
        }
        let buffer = connection.buffer(side);
        buffer.extend_from_slice(bytes);
        let input = std::mem::take(buffer);
        let mut rest = input.as_slice();
        let mut readable = true;
        while readable {
            match Frame::split(&mut rest, LARGEST) {
                Ok(Some(frame)) => self.frame(number, side, at, &frame)?,
                Ok(None) => break,
                Err(_) => readable = false,
            }
        }
        if let Some(connection) = self.connections.get_mut(&number) {
            if readable {
                *connection.buffer(side) = rest.to_vec();
            } else {
                connection.given_up = true;
                self.counts.unreadable += 1;
            }
        }
        Ok(())
    }

    fn frame(&mut self, number: u64, side: Side, at: Instant, frame: &Frame<'_>) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(&number) else {
            return Ok(());
        };
        match (side, frame.frame_type) {
            (Side::Haproxy, FrameType::HAPROXY_HELLO) => {
                if let Ok(hello) = HaproxyHello::decode(frame.payload) {
                    connection.engine = hello.engine_id.map(str::to_owned);
                    connection.offered = Some(hello.max_frame_size);
                }
            }
            (Side::Agent, FrameType::AGENT_HELLO) => {
                if let Ok(hello) = AgentHello::decode(frame.payload) {
                    connection.capabilities = hello.capabilities;
                }
            }
            (Side::Haproxy, FrameType::NOTIFY | FrameType::UNSET) => {
                let ids = frame.ids;
                if frame.flags.abort() {
                    connection.fragments.remove(&ids);
                    return Ok(());
                }
                let mut payload = connection.fragments.remove(&ids).unwrap_or_default();
                payload.extend_from_slice(frame.payload);
                if frame.flags.fin() {
                    connection.in_flight.insert(ids, Notify { at, payload });
                    return self.give_up_oldest(number);
                } else if payload.len() <= REASSEMBLED {
                    connection.fragments.insert(ids, payload);
                } else {
                    self.counts.unreadable += 1;
                }
            }
            (Side::Agent, FrameType::ACK) => return self.ack(number, at, frame),
            _ => {}
        }
        Ok(())
    }

    /// Writes the oldest NOTIFY without its ACK if an agent leaves too many unanswered.
    fn give_up_oldest(&mut self, number: u64) -> io::Result<()> {
        let connection = self.connections.get_mut(&number);
        let Some(connection) = connection.filter(|one| one.in_flight.len() > IN_FLIGHT) else {
            return Ok(());
        };
        let oldest = connection
            .in_flight
            .iter()
            .min_by_key(|(_, notify)| notify.at);
        let oldest = oldest.map(|(ids, _)| *ids);
        match oldest.and_then(|ids| Some((ids, connection.in_flight.remove(&ids)?))) {
            Some((ids, notify)) => self.write(number, ids, &notify, None),
            None => Ok(()),
        }
    }

    /// Finds the NOTIFY of an ACK: on its connection, or with `async` on another of the engine.
    fn ack(&mut self, number: u64, at: Instant, frame: &Frame<'_>) -> io::Result<()> {
        let ids = frame.ids;
        let found = |connection: &ObservedConnection| connection.in_flight.contains_key(&ids);
        let of = match self.connections.get(&number) {
            Some(own) if found(own) => Some(number),
            Some(ObservedConnection {
                engine: Some(engine),
                ..
            }) => {
                let mut others = self.connections.iter();
                let other =
                    others.find(|(_, other)| other.engine.as_ref() == Some(engine) && found(other));
                other.map(|(number, _)| *number)
            }
            _ => None,
        };
        let Some(number) = of else { return Ok(()) };
        let taken = self.connections.get_mut(&number);
        let Some(notify) = taken.and_then(|of| of.in_flight.remove(&ids)) else {
            return Ok(());
        };
        let took = at.saturating_duration_since(notify.at);
        self.write(number, ids, &notify, Some((took, frame.payload)))
    }

    fn write(
        &mut self,
        number: u64,
        ids: FrameIds,
        notify: &Notify,
        ack: Option<(Duration, &[u8])>,
    ) -> io::Result<()> {
        let at = notify.at.saturating_duration_since(self.began);
        let line = RecordingLine::exchange(number, ids, at, &notify.payload, ack, &mut self.hashes);
        let Ok(line) = line else {
            self.counts.unreadable += 1;
            return Ok(());
        };
        if let Some(connection) = self.connections.get_mut(&number).filter(|one| !one.written) {
            connection.written = true;
            self.counts.connections += 1;
            let line = RecordingLine::connection(
                number,
                connection.engine.as_deref(),
                connection.offered,
                &connection.capabilities.to_string(),
            );
            self.sink.write(&line)?;
        }
        if self.sink.write(&line)? {
            self.counts.exchanges += 1;
            self.counts.unanswered += u64::from(ack.is_none());
        }
        Ok(())
    }

    /// Writes the NOTIFYs of a connection that had no ACK.
    fn close(&mut self, number: u64) -> io::Result<()> {
        let Some(connection) = self.connections.get_mut(&number) else {
            return Ok(());
        };
        let mut left: Vec<_> = connection.in_flight.drain().collect();
        left.sort_by_key(|(_, notify)| notify.at);
        if !connection.given_up {
            for (ids, notify) in left {
                self.write(number, ids, &notify, None)?;
            }
        }
        self.connections.remove(&number);
        Ok(())
    }
}

impl ObservedConnection {
    fn buffer(&mut self, side: Side) -> &mut Vec<u8> {
        match side {
            Side::Haproxy => &mut self.asked,
            Side::Agent => &mut self.answered,
        }
    }
}

#[cfg(test)]
mod tests;

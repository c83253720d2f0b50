//! Makes exchanges of the bytes that passed, and writes them to the file.

use super::Queue;
use crate::recording::{Hashes, Line};
use spoa::spop::{AgentHello, Capabilities, Frame, FrameIds, FrameType, HaproxyHello};
use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

/// The largest frame that is read.
const LARGEST: u32 = 1 << 24;

/// The most bytes that a NOTIFY in fragments may have.
const REASSEMBLED: usize = 16 << 20;

/// The most NOTIFYs in flight on a connection; HAProxy has at most 20.
const IN_FLIGHT: usize = 1024;

/// The time after which lines are in the file, also if few come.
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
    /// Connections of which bytes were lost.
    pub(super) lost: u64,
    /// The size of the file.
    pub(super) bytes: u64,
    /// Whether the file reached its limit.
    pub(super) full: bool,
    /// The names of which no argument was hashed.
    pub(super) unused: Vec<String>,
}

/// The file.
#[derive(Debug)]
pub(super) struct Sink<W: Write = BufWriter<File>> {
    out: W,
    size: u64,
    limit: u64,
    full: bool,
}

impl Sink {
    /// Creates the file; only its owner may read it.
    pub(super) fn create(path: &Path, limit: u64, head: &Line) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        let file = options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path)?;
        Sink::new(BufWriter::with_capacity(1 << 20, file), limit, head)
    }
}

impl<W: Write> Sink<W> {
    fn new(out: W, limit: u64, head: &Line) -> io::Result<Self> {
        let mut sink = Sink {
            out,
            size: 0,
            limit: u64::MAX,
            full: false,
        };
        sink.write(head)?;
        sink.out.flush()?;
        sink.limit = limit;
        Ok(sink)
    }

    /// Writes a line. The first line without room makes the file full: no later line is written.
    fn write(&mut self, line: &Line) -> io::Result<bool> {
        let size = self.size + line.0.len() as u64;
        self.full |= size > self.limit;
        if self.full {
            return Ok(false);
        }
        self.out.write_all(line.0.as_bytes())?;
        self.size = size;
        Ok(true)
    }
}

#[derive(Debug)]
pub(super) struct Observer<W: Write = BufWriter<File>> {
    sink: Sink<W>,
    hashes: Hashes,
    queue: Arc<Queue>,
    began: Instant,
    connections: HashMap<u64, Connection>,
    counts: Counts,
}

/// A connection that is observed.
#[derive(Debug, Default)]
struct Connection {
    engine: Option<String>,
    offered: Option<u32>,
    capabilities: Capabilities,
    /// Whether the file has its line.
    written: bool,
    /// Whether nothing more of it is read.
    given_up: bool,
    asked: Vec<u8>,
    answered: Vec<u8>,
    /// NOTIFYs of which more fragments have to come.
    fragments: HashMap<FrameIds, Vec<u8>>,
    /// NOTIFYs in flight.
    in_flight: HashMap<FrameIds, Notify>,
}

#[derive(Debug)]
struct Notify {
    at: Instant,
    payload: Vec<u8>,
}

impl<W: Write> Observer<W> {
    pub(super) fn new(sink: Sink<W>, hashes: Hashes, queue: Arc<Queue>) -> Self {
        Observer {
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
        self.sink.out.flush()?;
        let unused = self.hashes.unused().map(str::to_owned).collect();
        Ok(Counts {
            bytes: self.sink.size,
            full: self.sink.full,
            unused,
            ..self.counts
        })
    }

    fn observe(&mut self, seen: &Receiver<Seen>) -> io::Result<()> {
        loop {
            match seen.recv_timeout(FLUSH) {
                Ok(seen) => self.take(seen)?,
                Err(RecvTimeoutError::Timeout) => self.sink.out.flush()?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
            if self.sink.full && !self.counts.full {
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
        if connection.given_up || self.sink.full {
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
        let found = |connection: &Connection| connection.in_flight.contains_key(&ids);
        let of = match self.connections.get(&number) {
            Some(own) if found(own) => Some(number),
            Some(Connection {
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
        let line = Line::exchange(number, ids, at, &notify.payload, ack, &mut self.hashes);
        let Ok(line) = line else {
            self.counts.unreadable += 1;
            return Ok(());
        };
        if let Some(connection) = self.connections.get_mut(&number).filter(|one| !one.written) {
            connection.written = true;
            self.counts.connections += 1;
            let line = Line::connection(
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

impl Connection {
    fn buffer(&mut self, side: Side) -> &mut Vec<u8> {
        match side {
            Side::Haproxy => &mut self.asked,
            Side::Agent => &mut self.answered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording::{Entry, Exchange, Reader};
    use spoa::spop::{AckWriter, Action, NotifyWriter, Scope, Value};
    use spoa::spop::{Flags, FrameWriter};

    fn ids(stream_id: u64) -> FrameIds {
        FrameIds {
            stream_id,
            frame_id: 1,
        }
    }

    fn hello(engine: &str) -> Vec<u8> {
        let mut out = Vec::new();
        HaproxyHello {
            supported_versions: "2.0",
            max_frame_size: 16380,
            capabilities: Capabilities::default(),
            healthcheck: false,
            engine_id: Some(engine),
        }
        .encode(&mut out);
        out
    }

    fn payload(name: &str) -> Vec<u8> {
        let mut payload = Vec::new();
        NotifyWriter::new(&mut payload).message(name, &[("n", Value::Int32(1))]);
        payload
    }

    fn frame(frame_type: FrameType, flags: Flags, ids: FrameIds, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        let mut frame = FrameWriter::begin(frame_type, flags, ids, &mut out);
        frame.payload(payload);
        frame.finish();
        out
    }

    fn notify(stream: u64, name: &str) -> Vec<u8> {
        frame(FrameType::NOTIFY, Flags::FIN, ids(stream), &payload(name))
    }

    fn ack(stream: u64, value: i32) -> Vec<u8> {
        let mut out = Vec::new();
        let mut ack = AckWriter::begin(ids(stream), &mut out);
        let (scope, name) = (Scope::Session, "n".into());
        let value = Value::Int32(value);
        ack.action(&Action::SetVar { scope, name, value });
        ack.finish();
        out
    }

    /// Returns the recording of these bytes, each sent alone.
    fn recorded(limit: u64, sent: &[(u64, Side, Vec<u8>)]) -> (Vec<Exchange>, Counts) {
        let (sender, seen) = std::sync::mpsc::channel();
        for (connection, side, bytes) in sent {
            for byte in bytes {
                let seen = Seen::Bytes {
                    connection: *connection,
                    side: *side,
                    at: Instant::now(),
                    bytes: vec![*byte],
                };
                sender.send(seen).unwrap();
            }
        }
        drop(sender);
        let mut file = Vec::new();
        let hashes = Hashes::new([]).unwrap();
        let sink = Sink::new(&mut file, limit, &Line::head("agent", &hashes)).unwrap();
        let queue = Arc::new(Queue::default());
        queue.take(1 << 20);
        let counts = Observer::new(sink, hashes, queue).run(&seen).unwrap();
        assert_eq!(counts.bytes, file.len() as u64);
        let mut reader = Reader::new(file.as_slice()).unwrap();
        let entries = std::iter::from_fn(|| reader.next().unwrap());
        let exchanges = entries.filter_map(|entry| match entry {
            Entry::Exchange(exchange) => Some(exchange),
            Entry::Connection(connection) => {
                assert_eq!(connection.engine.as_deref(), Some("e"));
                None
            }
        });
        (exchanges.collect(), counts)
    }

    /// The stream, the message and the value that was set, of each exchange.
    fn short(exchanges: &[Exchange]) -> Vec<(u64, &str, Option<i128>)> {
        let short = exchanges.iter().map(|exchange| {
            let answer = exchange.answer.as_ref();
            let value = answer.map(|changes| changes[0].value.as_ref().unwrap());
            (
                exchange.ids.stream_id,
                exchange.messages[0].name.as_str(),
                value.map(|value| value.as_integer().unwrap()),
            )
        });
        short.collect()
    }

    #[test]
    fn acks_find_their_notifys_in_whatever_order_they_come() {
        let sent = [
            (1, Side::Haproxy, hello("e")),
            (2, Side::Haproxy, hello("e")),
            (1, Side::Haproxy, notify(1, "a")),
            (1, Side::Haproxy, notify(3, "b")),
            (2, Side::Haproxy, notify(1, "c")),
            (1, Side::Agent, ack(3, 30)),
            (2, Side::Agent, ack(1, 10)),
            (2, Side::Haproxy, notify(5, "d")),
            // With `async`, an ACK may come on another connection.
            (1, Side::Agent, ack(5, 50)),
            (1, Side::Agent, ack(9, 90)),
        ];
        let (exchanges, counts) = recorded(u64::MAX, &sent);
        assert_eq!(
            short(&exchanges),
            [
                (3, "b", Some(30)),
                (1, "c", Some(10)),
                (5, "d", Some(50)),
                (1, "a", None)
            ]
        );
        assert_eq!((counts.exchanges, counts.unanswered), (4, 1));
        assert_eq!((counts.connections, counts.unreadable), (2, 0));
    }

    #[test]
    fn fragments_are_one_notify() {
        let whole = payload("long");
        let (first, rest) = whole.split_at(3);
        let sent = [
            (1, Side::Haproxy, hello("e")),
            (
                1,
                Side::Haproxy,
                frame(FrameType::NOTIFY, Flags::NONE, ids(1), first),
            ),
            (1, Side::Haproxy, notify(3, "other")),
            (
                1,
                Side::Haproxy,
                frame(FrameType::UNSET, Flags::FIN, ids(1), rest),
            ),
            (
                1,
                Side::Haproxy,
                frame(FrameType::NOTIFY, Flags::NONE, ids(5), first),
            ),
            (
                1,
                Side::Haproxy,
                frame(FrameType::NOTIFY, Flags::ABORT, ids(5), &[]),
            ),
            (1, Side::Agent, ack(1, 1)),
            (1, Side::Agent, ack(3, 3)),
        ];
        let (exchanges, counts) = recorded(u64::MAX, &sent);
        assert_eq!(
            short(&exchanges),
            [(1, "long", Some(1)), (3, "other", Some(3))]
        );
        assert_eq!(counts.unreadable, 0);
    }

    #[test]
    fn bytes_that_are_not_spop_end_the_recording_of_their_connection_only() {
        let sent = [
            (1, Side::Haproxy, hello("e")),
            (2, Side::Haproxy, b"GET / HTTP/1.1\r\n".to_vec()),
            (
                1,
                Side::Haproxy,
                frame(FrameType::NOTIFY, Flags::FIN, ids(1), b"\xff"),
            ),
            (1, Side::Agent, ack(1, 1)),
            (1, Side::Haproxy, notify(3, "a")),
            (1, Side::Agent, ack(3, 3)),
        ];
        let (exchanges, counts) = recorded(u64::MAX, &sent);
        assert_eq!(short(&exchanges), [(3, "a", Some(3))]);
        assert_eq!(counts.unreadable, 2);
    }

    #[test]
    fn the_file_grows_to_its_limit_and_ends_with_a_whole_line() {
        let mut sent = vec![(1, Side::Haproxy, hello("e"))];
        for stream in 0..20 {
            sent.push((1, Side::Haproxy, notify(stream, "a")));
            sent.push((1, Side::Agent, ack(stream, 1)));
        }
        let (all, whole) = recorded(u64::MAX, &sent);
        assert_eq!((all.len(), whole.full), (20, false));
        let (some, counts) = recorded(whole.bytes / 2, &sent);
        assert!(counts.full && counts.bytes <= whole.bytes / 2);
        assert!((5..15).contains(&some.len()), "{}", some.len());
        assert_eq!(counts.exchanges, some.len() as u64);
    }
}

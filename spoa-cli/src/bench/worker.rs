//! One thread of the generator: sends NOTIFYs that are due on its connections, reads the answers, counts.
//!
//! It neither locks nor allocates for a frame.

use super::alarm::Alarm;
use super::connection::{Answer, BenchConnection, End};
use super::pace::Pace;
use super::plan::{Judge, Plan};
use super::tally::{Fault, Tally};
use mio::{Events, Poll, Token};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::mpsc::UnboundedSender;

/// The bytes that one read may bring, in addition to one frame of the largest size.
const READ: usize = 256 << 10;

/// How often counts are handed over while progress is shown.
const PIECE: u64 = 250_000_000;

/// The time before a NOTIFY is due at which the thread is woken, since waking takes time.
const SPIN: u64 = 20_000;

/// How long the agent gets to answer the DISCONNECT.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// When the load began, and which part of it counts; in nanoseconds from there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    pub(super) start: Instant,
    pub(super) from: u64,
    pub(super) to: u64,
}

impl Clock {
    #[inline]
    fn now(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    #[inline]
    fn counts(&self, moment: u64) -> bool {
        self.from <= moment && moment < self.to
    }
}

/// An update from a thread.
#[derive(Debug)]
pub(super) enum Update {
    /// The counts since the last update.
    Piece(Box<Tally>),
    /// The measured time is over for this thread.
    Measured,
    /// The thread is done: how many NOTIFYs were due and not sent, and how many connections lived to
    /// the end.
    Done { unsent: u64, alive: usize },
}

/// A thread's share of the load.
pub(super) struct Worker {
    plan: Arc<Plan>,
    clock: Clock,
    stop: Arc<AtomicBool>,
    connections: Vec<Option<BenchConnection>>,
    poll: Poll,
    pace: Option<Pace>,
    alarm: Alarm,
    tally: Tally,
    judge: Judge,
    buffer: Vec<u8>,
    /// Places whose NOTIFY was answered in this read.
    freed: Vec<usize>,
    /// Connections with something to write.
    touched: Vec<usize>,
    updates: UnboundedSender<Update>,
    /// When the next counts are handed over; never, if no progress is shown.
    piece_at: u64,
}

impl Worker {
    pub(super) fn new(
        plan: Arc<Plan>,
        connections: Vec<BenchConnection>,
        pace: Option<Pace>,
        updates: UnboundedSender<Update>,
    ) -> io::Result<Self> {
        let poll = Poll::new()?;
        // The alarm's token is that of no connection.
        let count = connections.len();
        for (index, connection) in connections.iter().enumerate() {
            connection.register(poll.registry(), Token(index))?;
        }
        Ok(Worker {
            clock: Clock {
                start: Instant::now(),
                from: 0,
                to: 0,
            },
            stop: Arc::default(),
            connections: connections.into_iter().map(Some).collect(),
            alarm: Alarm::new(poll.registry(), Token(count))?,
            poll,
            pace,
            tally: Tally::new(),
            judge: Judge::default(),
            buffer: vec![0; READ + plan.max_frame_size as usize],
            freed: Vec::new(),
            touched: Vec::new(),
            updates,
            piece_at: u64::MAX,
            plan,
        })
    }

    /// Runs until the time is over, or until it must stop.
    pub(super) fn run(mut self, clock: Clock, stop: Arc<AtomicBool>, watched: bool) {
        (self.clock, self.stop) = (clock, stop);
        if watched {
            self.piece_at = PIECE;
        }
        let mut events = Events::with_capacity(1024);
        self.begin();
        loop {
            let now = self.clock.now();
            if now >= self.clock.to || self.stop.load(Ordering::Relaxed) {
                self.clock.to = self.clock.to.min(now);
                break;
            }
            if self.connections.iter().all(Option::is_none) {
                self.clock.to = now;
                break;
            }
            if now >= self.piece_at {
                self.piece_at = now + PIECE;
                let piece = std::mem::replace(&mut self.tally, Tally::new());
                let _ = self.updates.send(Update::Piece(Box::new(piece)));
            }
            self.send_due(now);
            let patience = self.patience(now);
            self.turn(&mut events, patience, true);
        }
        let _ = self.updates.send(Update::Measured);
        let began = self.clock.to > self.clock.from;
        let pace = self.pace.as_ref().filter(|_| began);
        let unsent = pace.map_or(0, |pace| pace.unsent(self.clock.to));
        self.drain(&mut events);
        let alive = self.connections.iter().flatten().count();
        self.send_disconnect(&mut events);
        let _ = self.updates.send(Update::Piece(Box::new(self.tally)));
        let _ = self.updates.send(Update::Done { unsent, alive });
    }

    /// The first NOTIFYs: as many as may be in flight, or one on each connection that is only held.
    fn begin(&mut self) {
        let slots = if self.plan.idle {
            1
        } else {
            self.plan.in_flight
        };
        match &mut self.pace {
            Some(pace) => {
                for slot in 0..slots {
                    (0..self.connections.len()).for_each(|index| pace.free(index, slot));
                }
            }
            None => {
                for index in 0..self.connections.len() {
                    self.freed.extend(0..slots);
                    self.send_freed(index, self.clock.now());
                    self.flush(index);
                }
            }
        }
    }

    /// Returns how long to wait for events.
    fn patience(&mut self, now: u64) -> Duration {
        // Often enough to see that it is to stop.
        let most = Duration::from_nanos((self.clock.to - now).min(100_000_000));
        match &self.pace {
            Some(pace) if pace.has_room() => match pace.due().saturating_sub(SPIN) {
                moment if moment <= now => Duration::ZERO,
                moment => self.alarm.set(moment, now, most),
            },
            _ => most,
        }
    }

    /// Sends the NOTIFYs that are due in the open loop.
    fn send_due(&mut self, now: u64) {
        let Some(pace) = &mut self.pace else { return };
        if now >= self.clock.from {
            pace.begin(self.clock.from);
        }
        while let Some((due, index, slot)) = pace.next(now) {
            match self.connections.get_mut(index).and_then(Option::as_mut) {
                Some(connection) => {
                    if let Err(error) = connection.notify(slot, &self.plan.payload, due) {
                        let words = || error.to_string();
                        self.tally.faults.note(Fault::Unanswered, 1, words);
                    }
                    self.touched.push(index);
                }
                None => pace.give_back(),
            }
        }
        // Only now, so that NOTIFYs that are due together on a connection leave in one write.
        while let Some(index) = self.touched.pop() {
            self.flush(index);
        }
    }

    /// Waits for events and serves each connection that has one; sends again for what was answered if
    /// the load goes on.
    fn turn(&mut self, events: &mut Events, patience: Duration, on: bool) {
        if let Err(error) = self.poll.poll(events, Some(patience)) {
            if error.kind() != io::ErrorKind::Interrupted {
                let words = || format!("cannot wait for events: {error}");
                self.tally.faults.note(Fault::Lost, 1, words);
                self.stop.store(true, Ordering::Relaxed);
            }
            return;
        }
        for event in events.iter() {
            let Token(index) = event.token();
            if event.is_readable() || event.is_error() {
                self.read(index, on, event.is_read_closed() || event.is_error());
            }
            if event.is_writable() {
                self.flush(index);
            }
        }
    }

    /// Reads all available bytes: an event comes once for new bytes, not again for bytes left unread.
    fn read(&mut self, index: usize, on: bool, to_the_end: bool) {
        loop {
            let Some(connection) = self.connections.get_mut(index).and_then(Option::as_mut) else {
                return;
            };
            let filled = match connection.read(&mut self.buffer) {
                Ok(filled) if filled.len == 0 => return,
                Ok(filled) => filled,
                Err(end) => return self.end(index, &end),
            };
            let (clock, expectations) = (self.clock, &self.plan.expectations);
            let (tally, freed, judge) = (&mut self.tally, &mut self.freed, &mut self.judge);
            let now = clock.now();
            let measured = clock.counts(now);
            let input = self.buffer.get(..filled.len).unwrap_or_default();
            let received = connection.receive(input, |answer| match answer {
                Answer::Ack { slot, due, actions } => {
                    if clock.counts(due) {
                        tally.latency.saturating_record(now.saturating_sub(due));
                    }
                    let (count, wrong) = judge.judge(&actions, expectations);
                    if let Some(wrong) = wrong {
                        let words = || wrong.words(&actions);
                        tally.faults_of(measured).note(wrong.fault(), 1, words);
                    }
                    if measured {
                        tally.acked += 1;
                        tally.actions += count;
                    }
                    freed.push(slot);
                }
                Answer::Twice(ids) => tally.faults_of(measured).note(Fault::Twice, 1, || {
                    format!("a second ACK to stream-id {}", ids.stream_id)
                }),
            });
            if let Err(end) = received {
                self.freed.clear();
                return self.end(index, &end);
            }
            match &mut self.pace {
                Some(pace) => {
                    self.freed.drain(..).for_each(|slot| pace.free(index, slot));
                }
                None if on && !self.plan.idle => self.send_freed(index, now),
                None => self.freed.clear(),
            }
            self.flush(index);
            if !filled.more && !to_the_end {
                return;
            }
        }
    }

    /// Sends a NOTIFY in each slot that was freed.
    fn send_freed(&mut self, index: usize, now: u64) {
        let connection = self.connections.get_mut(index).and_then(Option::as_mut);
        let Some(connection) = connection else {
            return self.freed.clear();
        };
        for slot in self.freed.drain(..) {
            if let Err(error) = connection.notify(slot, &self.plan.payload, now) {
                let words = || error.to_string();
                self.tally.faults.note(Fault::Unanswered, 1, words);
            }
        }
    }

    fn flush(&mut self, index: usize) {
        if let Some(Some(connection)) = self.connections.get_mut(index) {
            if let Err(end) = connection.flush() {
                self.end(index, &end);
            }
        }
    }

    /// Closes a connection. The NOTIFYs in flight on it have no answer.
    fn end(&mut self, index: usize, end: &End) {
        let ended = self.connections.get_mut(index).and_then(Option::take);
        let Some(connection) = ended else { return };
        let _ = connection.deregister(self.poll.registry());
        let fault = match end {
            End::Closed | End::Broken(_) => Fault::Lost,
            End::Disconnected(..) => Fault::Disconnected,
            End::Refused(_) => Fault::Refused,
        };
        let waiting = connection.waiting() as u64;
        let words = || format!("a connection ended: {end}");
        self.tally.faults.note(fault, 1, words);
        self.tally.faults.note(Fault::Unanswered, waiting, words);
    }

    /// Waits for the ACKs of NOTIFYs in flight; an ACK that is not there in time counts as missing.
    fn drain(&mut self, events: &mut Events) {
        let waiting = |worker: &Self| -> u64 {
            let alive = worker.connections.iter().flatten();
            alive.map(|connection| connection.waiting() as u64).sum()
        };
        let until = Instant::now() + self.plan.patience;
        while waiting(self) > 0 && Instant::now() < until {
            self.turn(events, Duration::from_millis(10), false);
        }
        let patience = self.plan.patience;
        self.tally
            .faults
            .note(Fault::Unanswered, waiting(self), || {
                format!("a NOTIFY had no ACK {patience:?} after the load ended")
            });
    }

    /// Ends all sessions in order. The agent's reaction is not measured.
    fn send_disconnect(&mut self, events: &mut Events) {
        let faults = self.tally.faults.clone();
        for index in 0..self.connections.len() {
            if let Some(Some(connection)) = self.connections.get_mut(index) {
                connection.disconnect();
            }
            self.flush(index);
        }
        let until = Instant::now() + DISCONNECT_TIMEOUT;
        while self.connections.iter().any(Option::is_some) && Instant::now() < until {
            self.turn(events, Duration::from_millis(10), false);
        }
        self.tally.faults = faults;
    }
}

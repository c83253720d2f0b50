//! The life of one connection over any stream: the effects of its frames and its timers.
//!
//! [`AgentSession`] speaks the protocol and [`Dispatcher`] runs the handlers. This module decides when the
//! connection drains, lingers and closes.

mod expiry;
mod frames;

use super::graceful_close::GracefulClose;
use super::lifetime;
use super::timers::{Timer, TimerTable};
use crate::agent::Shared;
use crate::agent::dispatch::Dispatcher;
use crate::agent::dispatch::in_flight::InFlight;
use crate::agent::dispatch::wakeups::Wakeups;
use crate::agent::report::connections::{self as log, End};
use crate::agent::shared::budget::BudgetShare;
use crate::agent::worker::state::WorkerState;
use crate::handler::{ConnectionInfo, Peer};
use crate::spop::session::{AgentSession, AgentSettings};
use crate::spop::{Disconnect, Status};
use std::io;
use std::sync::Arc;
use std::task::Waker;
use tokio::time::Instant;

/// The phase of a connection. It only moves down this list; [`AgentSession`] knows whether the
/// HELLOs are exchanged.
#[derive(Debug)]
enum ConnectionPhase {
    /// Frames are read and answered.
    Open,
    /// Frames are read and answered until the connection can close without costing a stream its answer.
    Draining(Box<GracefulClose>),
    /// The AGENT-DISCONNECT is on its way. The peer closes, or the time is up.
    Lingering,
    /// The rest of the output is written, then the connection is closed.
    Closing,
}

/// The result of one round of work.
pub(super) enum Step {
    /// There may be more to do at once.
    More,
    /// Nothing more until something wakes the connection.
    Wait,
    /// The connection is over.
    Ended(End),
}

/// A connection without its stream.
pub(super) struct Conversation {
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
    session: AgentSession,
    in_flight: InFlight,
    wakeups: Arc<Wakeups>,
    phase: ConnectionPhase,
    pub(super) timers: TimerTable,
    budget_share: BudgetShare,
    /// Bytes that were read and not used yet: the beginning of a frame, or frames that wait for room.
    input: Vec<u8>,
    /// Whether `input` may hold a whole frame.
    backlog: bool,
    /// Whether a frame has come after the HELLOs. Until then no answer is held back.
    had_frame_after_hello: bool,
}

impl Conversation {
    pub(super) fn new(peer: Peer, shared: Arc<Shared>, wakeups: Arc<Wakeups>) -> Self {
        let limits = &shared.limits;
        let settings = AgentSettings {
            max_frame_size: limits.max_frame_size,
            max_reassembled: limits.max_reassembled,
        };
        shared.counters.accepted.add(1);
        shared.after_work.connected();
        let now = Instant::now();
        let lifetime = limits.connection_lifetime.map(lifetime::draw);
        let mut timers = TimerTable::new(now);
        timers.set(Timer::Hello, now + limits.hello_timeout);
        timers.put(Timer::Lifetime, lifetime.map(|lifetime| now + lifetime));
        Conversation {
            info: Arc::new(ConnectionInfo::new(
                shared.info.clone(),
                peer,
                shared.current_states.states(),
            )),
            session: AgentSession::new(settings),
            in_flight: InFlight::new(wakeups.clone()),
            wakeups,
            phase: ConnectionPhase::Open,
            timers,
            budget_share: BudgetShare::new(shared.budgets.clone()),
            input: Vec::new(),
            backlog: false,
            had_frame_after_hello: false,
            shared,
        }
    }

    pub(super) fn info(&self) -> &ConnectionInfo {
        &self.info
    }

    /// Returns how many NOTIFYs are not answered yet.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// Registers the waker that handlers and the server wake.
    pub(super) fn register(&self, waker: &Waker) {
        self.wakeups.register(waker);
    }

    /// Begins a poll.
    pub(super) fn begin(&mut self, worker: &mut WorkerState) {
        self.follow_reloads();
        worker.activity.begin_poll(self.shared.id());
    }

    /// Takes the states that hold now. A poll begins with it, so that the old ones live no longer than the handlers
    /// that have them. It follows each read, too: a message that is read after a reload must not meet the old ones.
    #[inline]
    pub(super) fn follow_reloads(&mut self) {
        if self.shared.current_states.is_newer_than(&self.info.states) {
            self.renew();
        }
    }

    /// Ends a poll.
    #[inline]
    pub(super) fn end(&self, worker: &mut WorkerState) {
        let polled = std::mem::take(&mut worker.polled);
        self.shared.counters.flush(polled, worker.shard);
    }

    /// Returns whether handlers have left work for the time after their answers, which have left by now if the
    /// transport has none.
    #[inline]
    pub(super) fn has_after_work(&self) -> bool {
        let queue = self.info.after_work_if_any();
        queue.is_some_and(|queue| queue.is_waiting())
    }

    /// Starts the work that handlers have left for the time after their answers. All answers have left but those of
    /// NOTIFYs in flight, and those that are held back.
    #[cold]
    pub(super) fn start_after_work(&self) {
        let holds_back =
            matches!(&self.phase, ConnectionPhase::Draining(close) if close.holds_back());
        if !holds_back {
            let in_flight = &self.in_flight;
            let queue = self.info.after_work();
            queue.start_answered(&|ids| in_flight.contains(ids));
        }
    }

    /// Counts the end of the connection.
    #[cold]
    pub(super) fn count_end(&self, end: &End) {
        let counters = &self.shared.counters;
        match end {
            // HAProxy resets a connection that it no longer needs, such as that of a health check.
            End::Closed | End::Io { busy: false, .. } => {}
            End::Io { busy: true, .. } | End::Truncated => counters.broken.add(1),
            End::Late(_) => counters.timed_out.add(1),
            End::Full(_) => counters.overloads.bytes.add(1),
        }
    }

    /// Takes the states that were reloaded. Running handlers keep theirs.
    #[cold]
    fn renew(&mut self) {
        Arc::make_mut(&mut self.info).states = self.shared.current_states.states();
    }

    /// Counts the bytes that the connection keeps until it is polled again; returns whether there is
    /// room for them. Its transport keeps `others`.
    pub(super) fn count_kept(&mut self, others: usize) -> bool {
        let held = match &self.phase {
            ConnectionPhase::Draining(close) => close.kept(),
            _ => 0,
        };
        self.budget_share
            .buffer(self.input.capacity() + others + held)
    }

    fn dispatcher<'d>(&'d mut self, worker: &'d mut WorkerState) -> Dispatcher<'d> {
        let limit = self.session.max_frame_size();
        Dispatcher::new(&self.shared, &self.info, &mut self.in_flight, worker, limit)
    }

    fn restart_idle_timer(&mut self) {
        if let Some(timeout) = self.shared.limits.idle_timeout {
            self.timers.set(Timer::Idle, Instant::now() + timeout);
        }
    }

    /// Returns how the connection ended when its stream failed.
    pub(super) fn failed(&self, error: io::Error) -> End {
        let busy = !self.input.is_empty() || self.in_flight.len() > 0;
        End::Io { error, busy }
    }

    /// Returns how a connection ends that has no room for what it keeps.
    pub(super) fn full(&self) -> End {
        End::Full(self.shared.limits.max_buffered_total)
    }

    /// Returns how the connection ended when the peer closed it.
    ///
    /// A peer that has closed its half is taken to be gone, and running handlers end with it: HAProxy
    /// closes both halves at once, and a process that died sends the same.
    pub(super) fn closed_by_peer(&self) -> End {
        if self.input.is_empty() {
            End::Closed
        } else {
            End::Truncated
        }
    }
}

impl Drop for Conversation {
    fn drop(&mut self) {
        if Arc::get_mut(&mut self.info).is_none() {
            // A handler is still running, and may leave work in the queue.
            self.info.after_work();
        }
        if let Some(queue) = self.info.after_work_if_any() {
            queue.close();
        }
        self.shared.tell_dropped(&self.in_flight, &self.info);
        self.shared.counters.closed.add(1);
    }
}

/// The phases, and every way from one to another.
impl Conversation {
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, ConnectionPhase::Closing)
    }

    fn is_draining(&self) -> bool {
        matches!(self.phase, ConnectionPhase::Draining(_))
    }

    /// Open → Draining, with patience until a time if there is one. A connection that drains already has
    /// no more patience.
    fn drain(&mut self, patient_until: Option<Instant>) {
        match &mut self.phase {
            ConnectionPhase::Open => {
                self.phase = ConnectionPhase::Draining(Box::new(GracefulClose::new(patient_until)));
            }
            ConnectionPhase::Draining(close) => close.hurry(),
            ConnectionPhase::Lingering | ConnectionPhase::Closing => {}
        }
    }

    /// Open, Draining → Lingering: an AGENT-DISCONNECT is at the end of `output`, and answers that were
    /// held back go in front.
    fn linger(&mut self, output: &mut Vec<u8>) {
        self.give_back(output);
        self.phase = ConnectionPhase::Lingering;
        // No frame may follow an AGENT-DISCONNECT, so answers of running handlers could not be sent.
        self.shared.tell_dropped(&self.in_flight, &self.info);
        self.in_flight = InFlight::new(self.wakeups.clone());
        for timer in [Timer::Hello, Timer::Frame, Timer::Idle, Timer::Lifetime] {
            self.timers.stop(timer);
        }
        let timeout = self.shared.limits.linger_timeout;
        self.timers.set(Timer::Linger, Instant::now() + timeout);
    }

    /// Any → Closing: `output` is the last that is written, after answers that were held back.
    fn close_after(&mut self, output: &mut Vec<u8>) {
        self.give_back(output);
        self.close();
    }

    /// Any → Closing: the peer is gone, and what the transport has is the last that is written.
    pub(super) fn close(&mut self) {
        self.phase = ConnectionPhase::Closing;
        self.timers.stop(Timer::Lifetime);
    }

    fn give_back(&mut self, output: &mut Vec<u8>) {
        if let ConnectionPhase::Draining(close) = &mut self.phase {
            close.give(output);
        }
    }

    /// Sends the AGENT-DISCONNECT, unless the HELLOs have not been exchanged.
    fn close_gracefully(&mut self, status: Status, output: &mut Vec<u8>) -> Step {
        if !self.session.is_running() {
            return Step::Ended(End::Closed);
        }
        self.session.disconnect(status.into(), output);
        self.linger(output);
        Step::More
    }

    /// Closes a connection that would have to keep more than there is room for. Returns whether it was open,
    /// so that the peer can be told.
    #[cold]
    pub(super) fn refuse_to_keep(&mut self, worker: &mut WorkerState) -> bool {
        if !matches!(
            self.phase,
            ConnectionPhase::Open | ConnectionPhase::Draining(_)
        ) {
            return false;
        }
        let most = self.shared.limits.max_buffered_total;
        log::full(&self.shared.line_limits, most, &self.info);
        self.input = Vec::new();
        let full = Disconnect::from(Status::RESOURCE);
        self.session.disconnect(full, &mut worker.output);
        self.linger(&mut worker.output);
        true
    }
}

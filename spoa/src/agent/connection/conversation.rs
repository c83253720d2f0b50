//! The life of one connection, whatever its stream: what its frames and its timers lead to.
//!
//! The protocol is [`AgentSession`]'s, the handlers are the [`Dispatcher`]'s. Here is decided when the
//! connection drains, lingers and closes.

use super::graceful_close::GracefulClose;
use super::lifetime;
use super::timers::{Timer, TimerTable};
use crate::agent::Shared;
use crate::agent::dispatch::Dispatcher;
use crate::agent::dispatch::in_flight::InFlight;
use crate::agent::dispatch::wakeups::Wakeups;
use crate::agent::report::connections::{self as log, End, Late};
use crate::agent::shared::budget::BudgetShare;
use crate::agent::worker::scratch::{MAX_MESSAGES, Scratch, rest};
use crate::handler::{ConnectionInfo, Peer};
use crate::spop::session::{AgentEvent, AgentSession, AgentSettings, Received, Refusal};
use crate::spop::{Disconnect, FrameIds, Messages, Status};
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use tokio::time::Instant;

/// Answers leave when this many bytes have gathered, even if there is more to answer.
const FLUSH_AT: usize = 64 << 10;

/// An unfinished frame up to this size is copied in front of the next read; to a longer one, what is
/// read is added. HAProxy's frames are of half this size.
const COPY_UP_TO: usize = 32 << 10;

/// A kept buffer up to this size is not worth a smaller one.
const SMALL: usize = 4 << 10;

/// Where a connection is in its life. It only moves down this list; [`AgentSession`] knows whether the
/// HELLOs are exchanged.
#[derive(Debug)]
enum Phase {
    /// Frames are read and answered.
    Open,
    /// Frames are read and answered until a moment in which closing costs no stream its answer.
    Draining(Box<GracefulClose>),
    /// The AGENT-DISCONNECT is on its way. The peer closes, or the time is up.
    Lingering,
    /// What is left is written, then the connection is closed.
    Closing,
}

/// What came of one round of work.
pub(super) enum Step {
    /// There may be more to do at once.
    More,
    /// Nothing more until something wakes the connection.
    Wait,
    /// The connection is over.
    Ended(End),
}

/// All of a connection but its stream.
pub(super) struct Conversation {
    shared: Arc<Shared>,
    info: Arc<ConnectionInfo>,
    session: AgentSession,
    in_flight: InFlight,
    wakeups: Arc<Wakeups>,
    phase: Phase,
    pub(super) timers: TimerTable,
    share: BudgetShare,
    /// Read and not used yet: the beginning of a frame, or frames that wait for room.
    input: Vec<u8>,
    /// Whether `input` may hold a whole frame.
    backlog: bool,
    /// Whether anything has come since the HELLOs.
    asked: bool,
}

impl Conversation {
    pub(super) fn new(peer: Peer, shared: Arc<Shared>, wakeups: Arc<Wakeups>) -> Self {
        let limits = &shared.limits;
        let settings = AgentSettings {
            max_frame_size: limits.max_frame_size,
            max_reassembled: limits.max_reassembled,
        };
        let now = Instant::now();
        let lifetime = limits.connection_lifetime.map(lifetime::draw);
        let mut timers = TimerTable::new(now);
        timers.set(Timer::Hello, now + limits.hello_timeout);
        timers.put(Timer::Lifetime, lifetime.map(|lifetime| now + lifetime));
        Conversation {
            info: Arc::new(ConnectionInfo {
                agent: shared.name.clone(),
                peer,
                engine_id: None,
                states: shared.current.states(),
            }),
            session: AgentSession::new(settings),
            in_flight: InFlight::new(wakeups.clone()),
            wakeups,
            phase: Phase::Open,
            timers,
            share: BudgetShare::new(shared.budgets.clone()),
            input: Vec::new(),
            backlog: false,
            asked: false,
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

    /// Has `waker` woken by handlers, and by the server.
    pub(super) fn register(&self, waker: &Waker) {
        self.wakeups.register(waker);
    }

    /// Begins a poll.
    pub(super) fn begin(&mut self, scratch: &mut Scratch) {
        if self.shared.current.is_newer_than(&self.info.states) {
            self.renew();
        }
        scratch.activity.begin(self.shared.id());
    }

    /// Takes the states that were reloaded. Running handlers keep theirs.
    #[cold]
    fn renew(&mut self) {
        self.info = Arc::new(ConnectionInfo {
            states: self.shared.current.states(),
            ..ConnectionInfo::clone(&self.info)
        });
    }

    /// Counts the bytes that the connection keeps until it is polled again; returns whether there is
    /// room for them. Its transport keeps `others`.
    pub(super) fn count_kept(&mut self, others: usize) -> bool {
        let held = match &self.phase {
            Phase::Draining(close) => close.kept(),
            _ => 0,
        };
        self.share.buffer(self.input.capacity() + others + held)
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

/// The phases, and every way from one to another.
impl Conversation {
    pub(super) fn is_closing(&self) -> bool {
        matches!(self.phase, Phase::Closing)
    }

    fn is_draining(&self) -> bool {
        matches!(self.phase, Phase::Draining(_))
    }

    /// Open → Draining, with patience until a time if there is one. A connection that drains already has
    /// no more patience.
    fn drain(&mut self, patient_until: Option<Instant>) {
        match &mut self.phase {
            Phase::Open => {
                self.phase = Phase::Draining(Box::new(GracefulClose::new(patient_until)));
            }
            Phase::Draining(close) => close.hurry(),
            Phase::Lingering | Phase::Closing => {}
        }
    }

    /// Open, Draining → Lingering: an AGENT-DISCONNECT is at the end of `output`, and answers that were
    /// held back go in front.
    fn linger(&mut self, output: &mut Vec<u8>) {
        self.give_back(output);
        self.phase = Phase::Lingering;
        // Nothing follows a goodbye: handlers still running would answer in vain.
        self.in_flight = InFlight::new(self.wakeups.clone());
        for timer in [Timer::Hello, Timer::Frame, Timer::Idle, Timer::Lifetime] {
            self.timers.stop(timer);
        }
        let length = self.shared.limits.linger_timeout;
        self.timers.set(Timer::Linger, Instant::now() + length);
    }

    /// Any → Closing: `output` is the last that is written, after answers that were held back.
    fn close_after(&mut self, output: &mut Vec<u8>) {
        self.give_back(output);
        self.close();
    }

    /// Any → Closing: the peer is gone, and what the transport has is the last that is written.
    pub(super) fn close(&mut self) {
        self.phase = Phase::Closing;
        self.timers.stop(Timer::Lifetime);
    }

    fn give_back(&mut self, output: &mut Vec<u8>) {
        if let Phase::Draining(close) = &mut self.phase {
            close.give(output);
        }
    }

    /// Sends the AGENT-DISCONNECT; without HELLOs there is nothing to say.
    fn say_goodbye(&mut self, status: Status, output: &mut Vec<u8>) -> Step {
        if !self.session.is_running() {
            return Step::Ended(End::Closed);
        }
        self.session.disconnect(status.into(), output);
        self.linger(output);
        Step::More
    }

    /// Says that the connection would have to keep more than there is room for; returns whether it is
    /// still open for that.
    #[cold]
    pub(super) fn refuse_to_keep(&mut self, scratch: &mut Scratch) -> bool {
        if !matches!(self.phase, Phase::Open | Phase::Draining(_)) {
            return false;
        }
        let most = self.shared.limits.max_buffered_total;
        log::full(&self.shared.lines, most, &self.info);
        self.input = Vec::new();
        let full = Disconnect::from(Status::RESOURCE);
        self.session.disconnect(full, &mut scratch.output);
        self.linger(&mut scratch.output);
        true
    }
}

/// What is to be read, and what was.
impl Conversation {
    /// Polls the handlers that were woken and answers frames that waited. Returns what that led to if
    /// nothing is to be read now.
    pub(super) fn resume(&mut self, scratch: &mut Scratch) -> Option<Step> {
        self.resume_handlers(scratch);
        if self.wakeups.draining() {
            self.drain(None);
        }
        if self.is_draining() && self.wakeups.out_of_time() {
            return Some(self.cut_short(scratch));
        }
        // A poll comes back here after its share when a timer has gone off.
        if self.backlog && scratch.budget.is_left() {
            let input = std::mem::take(&mut self.input);
            let used = self.answer(&input, scratch);
            self.keep(input, used, scratch);
            if self.backlog || scratch.output.len() >= FLUSH_AT {
                return Some(Step::More);
            }
        }
        None
    }

    /// Polls the handlers that were woken.
    fn resume_handlers(&mut self, scratch: &mut Scratch) {
        let mut ready = std::mem::take(&mut scratch.ready);
        self.wakeups.take_ready(&mut ready);
        if !ready.is_empty() {
            scratch.activity.handlers_follow();
        }
        for slot in ready.drain(..) {
            self.dispatcher(scratch).resume(slot);
        }
        scratch.ready = ready;
    }

    /// Answers what is in flight as it is, and says goodbye.
    #[cold]
    fn cut_short(&mut self, scratch: &mut Scratch) -> Step {
        scratch.activity.handlers_follow();
        let waiting: Vec<_> = self.in_flight.waiting().collect();
        for slot in waiting {
            let after = self.shared.limits.drain_timeout;
            self.dispatcher(scratch).give_up(slot, after);
        }
        self.say_goodbye(Status::NORMAL, &mut scratch.output)
    }

    /// Returns whether more is read before answers leave.
    pub(super) fn gathers(&self, scratch: &Scratch) -> bool {
        self.is_draining() && !self.backlog && scratch.output.len() < FLUSH_AT
    }

    /// Decides what to do when nothing more can be read now. A connection that drains says goodbye once all
    /// that came is answered, and nothing more seems to be on its way.
    #[inline]
    pub(super) fn all_read(&mut self, scratch: &mut Scratch) -> Step {
        let Phase::Draining(close) = &mut self.phase else {
            return Step::Wait;
        };
        let in_flight = self.in_flight.len() > 0;
        // HAProxy waits for the HELLO.
        if self.asked {
            close.hold(&mut scratch.output);
            close.release(&mut scratch.output);
        }
        let unfinished = self.session.is_running() && !self.input.is_empty();
        if !close.is_quiet(in_flight) || in_flight || unfinished {
            return Step::Wait;
        }
        self.say_goodbye(Status::NORMAL, &mut scratch.output)
    }

    /// Returns where to read into: after what was kept, if that is short.
    #[inline]
    pub(super) fn room<'s>(&self, scratch: &'s mut Scratch) -> &'s mut [u8] {
        let kept = self.input.len();
        if kept == 0 || kept > COPY_UP_TO {
            return &mut scratch.input;
        }
        let (front, room) = scratch.input.split_at_mut(kept);
        front.copy_from_slice(&self.input);
        room
    }

    /// Answers what was read into the [`room`](Conversation::room): `count` bytes.
    #[inline]
    pub(super) fn received(&mut self, count: usize, scratch: &mut Scratch) {
        let kept = self.input.len();
        let buffer = std::mem::take(&mut scratch.input);
        if kept > COPY_UP_TO {
            let mut input = std::mem::take(&mut self.input);
            input.extend_from_slice(buffer.get(..count).unwrap_or_default());
            scratch.input = buffer;
            let used = self.answer(&input, scratch);
            self.keep(input, used, scratch);
            return;
        }
        let came = buffer.get(..kept + count).unwrap_or(&buffer);
        let used = self.answer(came, scratch);
        let rest = rest(came, used);
        if rest.is_empty() {
            if self.input.capacity() > 0 {
                scratch.recycle(std::mem::take(&mut self.input));
            }
            self.timers.stop(Timer::Frame);
        } else {
            if self.input.capacity() == 0 {
                self.input = scratch.buffer();
            }
            self.input.clear();
            self.input.extend_from_slice(rest);
            self.began_frame(used > 0);
        }
        scratch.input = buffer;
    }

    /// Keeps what is left of a buffer that was the connection's.
    fn keep(&mut self, mut input: Vec<u8>, used: usize, scratch: &mut Scratch) {
        input.drain(..used);
        if input.is_empty() {
            scratch.recycle(input);
            self.timers.stop(Timer::Frame);
            return;
        }
        if input.capacity() > SMALL {
            input.shrink_to(2 * input.len());
        }
        self.input = input;
        self.began_frame(used > 0);
    }

    /// Notes that `input` begins with a frame that is not whole, or is with the backlog.
    fn began_frame(&mut self, new: bool) {
        if self.backlog {
            // The peer did its part: the frames wait for the agent.
            self.timers.stop(Timer::Frame);
        } else if new || !self.timers.runs(Timer::Frame) {
            let length = self.shared.limits.frame_timeout;
            self.timers.set(Timer::Frame, Instant::now() + length);
        }
    }

    fn began_idling(&mut self) {
        if let Some(length) = self.shared.limits.idle_timeout {
            self.timers.set(Timer::Idle, Instant::now() + length);
        }
    }
}

/// The frames.
impl Conversation {
    /// Answers the frames at the front of `input`; returns how many bytes they had.
    fn answer(&mut self, input: &[u8], scratch: &mut Scratch) -> usize {
        let mut used = 0;
        scratch.turn();
        self.backlog = false;
        if self.session.is_running() {
            self.asked = true;
            scratch.activity.handlers_follow();
        }
        if let Phase::Draining(close) = &mut self.phase {
            close.disturb();
        }
        self.began_idling();
        loop {
            if scratch.output.len() >= FLUSH_AT {
                self.backlog = used < input.len();
                return used;
            }
            let rest = rest(input, used);
            if let Some((taken, ids, messages)) = self.session.receive_notify(rest) {
                used += taken;
                if scratch.charge(&messages) {
                    self.last(ids, messages, scratch);
                    self.backlog = used < input.len();
                    return used;
                }
                self.dispatcher(scratch).notify(ids, messages);
                continue;
            }
            let (taken, is_last) = self.receive(rest, scratch);
            used += taken;
            if is_last {
                return used;
            }
            if !scratch.budget.is_left() {
                self.backlog = used < input.len();
                return used;
            }
        }
    }

    /// Answers the last NOTIFY of a poll.
    // The others are known to have few messages: more would have been the rest of what a poll may do.
    #[cold]
    fn last(&mut self, ids: FrameIds, messages: Messages<'_>, scratch: &mut Scratch) {
        let messages = answerable(messages, ids, &self.info, &self.shared);
        self.dispatcher(scratch).notify_rare(ids, messages);
    }

    /// Deals with whatever is at the front of `input` and is not a whole NOTIFY; returns how many bytes
    /// it had, and whether there is no whole frame left.
    #[inline(never)]
    fn receive(&mut self, input: &[u8], scratch: &mut Scratch) -> (usize, bool) {
        self.session.limit_reassembled(self.share.reassembling());
        if !self.session.is_running() && self.shared.leaving.load(Ordering::Acquire) {
            self.session.refuse_health_checks();
        }
        let limit = self.session.max_frame_size();
        let Received { used, event } = self.session.receive(input, &mut scratch.output);
        let is_last = event.is_none();
        match event {
            None => {}
            // One that came in fragments.
            Some(AgentEvent::Notify { ids, messages }) => {
                scratch.charge(&messages);
                let messages = answerable(messages, ids, &self.info, &self.shared);
                // The messages borrow from the session.
                let (shared, info, in_flight) = (&self.shared, &self.info, &mut self.in_flight);
                Dispatcher::new(shared, info, in_flight, scratch, limit).notify_rare(ids, messages);
            }
            Some(AgentEvent::Hello(hello)) => {
                log::hello(&hello, &self.info);
                self.timers.stop(Timer::Hello);
                let engine_id = hello.engine_id.map(Box::from);
                self.info = Arc::new(ConnectionInfo {
                    engine_id,
                    ..ConnectionInfo::clone(&self.info)
                });
            }
            Some(AgentEvent::HealthCheckRefused(hello)) => {
                log::hello(&hello, &self.info);
                self.linger(&mut scratch.output);
            }
            Some(AgentEvent::Unreadable { ids, reason }) => {
                let most = self.shared.limits.max_reassembled;
                log::unreadable(&self.shared.lines, most, reason, ids, &self.info);
            }
            Some(AgentEvent::Disconnect(disconnect)) => {
                log::disconnect(&self.shared.lines, &disconnect, &self.info);
                self.close_after(&mut scratch.output);
            }
            Some(AgentEvent::Refused(refusal)) => {
                log::refused(&self.shared.lines, &refusal, &self.info);
                if let Refusal::Foreign(_) = refusal {
                    self.close_after(&mut scratch.output);
                } else {
                    self.linger(&mut scratch.output);
                }
            }
        }
        self.share.reassemble(self.session.reassembling());
        (used, is_last)
    }

    fn dispatcher<'d>(&'d mut self, scratch: &'d mut Scratch) -> Dispatcher<'d> {
        let limit = self.session.max_frame_size();
        Dispatcher::new(
            &self.shared,
            &self.info,
            &mut self.in_flight,
            scratch,
            limit,
        )
    }
}

/// The timers.
impl Conversation {
    /// Returns a timer that has expired, and the time it is. `behind` is whether the transport has bytes
    /// that have not left.
    pub(super) fn poll_expired(
        &mut self,
        cx: &mut Context<'_>,
        behind: bool,
    ) -> Poll<(Timer, Instant)> {
        if behind && !self.timers.runs(Timer::Write) {
            let length = self.shared.limits.write_timeout;
            self.timers.set(Timer::Write, Instant::now() + length);
        }
        let quiet = match &self.phase {
            Phase::Draining(close) => close.due(),
            _ => None,
        };
        self.timers.put(Timer::GracefulClose, quiet);
        self.timers.put(Timer::Handlers, self.in_flight.earliest());
        self.timers.poll_expired(cx)
    }

    /// Does what is due when a timer has expired; returns the end if the connection is over.
    pub(super) fn expire(
        &mut self,
        timer: Timer,
        now: Instant,
        behind: bool,
        scratch: &mut Scratch,
    ) -> Option<End> {
        match timer {
            Timer::Linger => return Some(End::Closed),
            Timer::Hello => return Some(End::Late(Late::Hello)),
            Timer::Write => return Some(End::Late(Late::Read)),
            Timer::Frame => return Some(End::Late(Late::Frame)),
            Timer::Idle => return self.idled(behind, scratch),
            Timer::Lifetime => {
                self.timers.stop(Timer::Lifetime);
                self.drain(Some(now + lifetime::GRACE));
            }
            Timer::GracefulClose => {
                if let Phase::Draining(close) = &mut self.phase {
                    close.expire(now);
                }
            }
            Timer::Handlers => {
                scratch.activity.handlers_follow();
                let waiting: Vec<_> = self.in_flight.waiting().collect();
                for slot in waiting {
                    self.dispatcher(scratch).expire(slot, now);
                }
                self.in_flight.update_earliest();
            }
        }
        None
    }

    /// Says goodbye to a peer that has sent nothing for long, unless an answer is outstanding.
    fn idled(&mut self, behind: bool, scratch: &mut Scratch) -> Option<End> {
        let is_open = matches!(self.phase, Phase::Open | Phase::Draining(_));
        let busy = self.in_flight.len() > 0 || !self.input.is_empty() || behind;
        if !is_open || busy {
            self.began_idling();
            return None;
        }
        match self.say_goodbye(Status::NORMAL, &mut scratch.output) {
            Step::Ended(end) => Some(end),
            Step::More | Step::Wait => None,
        }
    }
}

/// Returns the messages of a NOTIFY. One that has too many is answered as if it had none.
#[cold]
fn answerable<'a>(
    messages: Messages<'a>,
    ids: FrameIds,
    connection: &ConnectionInfo,
    shared: &Shared,
) -> Messages<'a> {
    if messages.len() > MAX_MESSAGES {
        log::too_many_messages(&shared.lines, messages.len(), MAX_MESSAGES, ids, connection);
        return Messages::default();
    }
    messages
}

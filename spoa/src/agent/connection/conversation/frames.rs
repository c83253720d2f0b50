//! The frames of a connection: reading them, keeping incomplete ones, answering them.

use super::{ConnectionPhase, Conversation, Step};
use crate::agent::Shared;
use crate::agent::connection::timers::Timer;
use crate::agent::dispatch::Dispatcher;
use crate::agent::report::{connections as log, values};
use crate::agent::worker::state::{MAX_MESSAGES, WorkerState, rest};
use crate::handler::ConnectionInfo;
use crate::spop::session::{AgentEvent, Received, Refusal};
use crate::spop::{Capabilities, FrameIds, Messages, Status};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use tokio::time::Instant;

/// Answers leave when this many bytes have gathered, even if there is more to answer.
const FLUSH_AT: usize = 64 << 10;

/// An unfinished frame up to this size is copied in front of the next read; to a longer one, what is
/// read is added. HAProxy's frames are of half this size.
const COPY_UP_TO: usize = 32 << 10;

/// A kept buffer up to this size is not worth a smaller one.
const SMALL: usize = 4 << 10;

/// The bytes that are read, and those that are kept.
impl Conversation {
    /// Polls the handlers that were woken and answers frames that waited. Returns what that led to if
    /// nothing is to be read now.
    pub(crate) fn resume(&mut self, worker: &mut WorkerState) -> Option<Step> {
        self.poll_woken_handlers(worker);
        if self.wakeups.draining() {
            self.drain(None);
        }
        if self.is_draining() && self.wakeups.out_of_time() {
            return Some(self.end_drain(worker));
        }
        // A poll comes back here after its share when a timer has gone off.
        if self.backlog && worker.budget.is_left() {
            let input = std::mem::take(&mut self.input);
            let used = self.answer_frames(&input, worker);
            self.keep(input, used, worker);
            if self.backlog || worker.output.len() >= FLUSH_AT {
                return Some(Step::More);
            }
        }
        None
    }

    /// Polls the handlers that were woken.
    fn poll_woken_handlers(&mut self, worker: &mut WorkerState) {
        let mut ready = std::mem::take(&mut worker.ready);
        self.wakeups.take_ready(&mut ready);
        if !ready.is_empty() {
            worker.activity.handlers_may_run();
        }
        for slot in ready.drain(..) {
            self.dispatcher(worker).resume(slot);
        }
        worker.ready = ready;
    }

    /// Answers the NOTIFYs in flight without unfinished handlers, and closes gracefully.
    #[cold]
    fn end_drain(&mut self, worker: &mut WorkerState) -> Step {
        worker.activity.handlers_may_run();
        let waiting: Vec<_> = self.in_flight.waiting().collect();
        for slot in waiting {
            let after = self.shared.limits.drain_timeout;
            self.dispatcher(worker).give_up(slot, after);
        }
        self.close_gracefully(Status::NORMAL, &mut worker.output)
    }

    /// Returns whether more is read before answers leave.
    pub(crate) fn defers_writing(&self, worker: &WorkerState) -> bool {
        self.is_draining() && !self.backlog && worker.output.len() < FLUSH_AT
    }

    /// Decides what to do when nothing more can be read now. A connection that drains closes gracefully
    /// once every frame is answered and no other seems to be on its way.
    #[inline]
    pub(crate) fn all_read(&mut self, worker: &mut WorkerState) -> Step {
        let ConnectionPhase::Draining(close) = &mut self.phase else {
            return Step::Wait;
        };
        let in_flight = self.in_flight.len() > 0;
        // HAProxy waits for the HELLO.
        if self.had_frame_after_hello {
            close.hold(&mut worker.output);
            close.release(&mut worker.output);
        }
        let unfinished = self.session.is_running() && !self.input.is_empty();
        if !close.is_quiet(in_flight) || in_flight || unfinished {
            return Step::Wait;
        }
        self.close_gracefully(Status::NORMAL, &mut worker.output)
    }

    /// Returns where to read into: after what was kept, if that is short.
    #[inline]
    pub(crate) fn room<'s>(&self, worker: &'s mut WorkerState) -> &'s mut [u8] {
        let kept = self.input.len();
        if kept == 0 || kept > COPY_UP_TO {
            return &mut worker.input;
        }
        let (front, room) = worker.input.split_at_mut(kept);
        front.copy_from_slice(&self.input);
        room
    }

    /// Answers what was read into the [`room`](Conversation::room): `count` bytes.
    #[inline]
    pub(crate) fn received(&mut self, count: usize, worker: &mut WorkerState) {
        self.follow_reloads();
        let kept = self.input.len();
        worker.polled.received += count as u64;
        let buffer = std::mem::take(&mut worker.input);
        if kept > COPY_UP_TO {
            let mut input = std::mem::take(&mut self.input);
            input.extend_from_slice(buffer.get(..count).unwrap_or_default());
            worker.input = buffer;
            let used = self.answer_frames(&input, worker);
            self.keep(input, used, worker);
            return;
        }
        let came = buffer.get(..kept + count).unwrap_or(&buffer);
        let used = self.answer_frames(came, worker);
        let rest = rest(came, used);
        if rest.is_empty() {
            if self.input.capacity() > 0 {
                worker.recycle(std::mem::take(&mut self.input));
            }
            self.timers.stop(Timer::Frame);
        } else {
            if self.input.capacity() == 0 {
                self.input = worker.buffer();
            }
            self.input.clear();
            self.input.extend_from_slice(rest);
            self.note_unfinished_frame(used > 0);
        }
        worker.input = buffer;
    }

    /// Keeps the rest of a buffer that the connection owned.
    fn keep(&mut self, mut input: Vec<u8>, used: usize, worker: &mut WorkerState) {
        input.drain(..used);
        if input.is_empty() {
            worker.recycle(input);
            self.timers.stop(Timer::Frame);
            return;
        }
        if input.capacity() > SMALL {
            input.shrink_to(2 * input.len());
        }
        self.input = input;
        self.note_unfinished_frame(used > 0);
    }

    /// Notes that `input` begins with a frame that is not whole, or is with the backlog.
    fn note_unfinished_frame(&mut self, new: bool) {
        if self.backlog {
            // The peer did its part: the frames wait for the agent.
            self.timers.stop(Timer::Frame);
        } else if new || !self.timers.runs(Timer::Frame) {
            let timeout = self.shared.limits.frame_timeout;
            self.timers.set(Timer::Frame, Instant::now() + timeout);
        }
    }
}

/// The frames.
impl Conversation {
    /// Answers the frames at the front of `input`; returns how many bytes they had.
    fn answer_frames(&mut self, input: &[u8], worker: &mut WorkerState) -> usize {
        let mut used = 0;
        worker.note_read(self.shared.has_spans_or_observer || values::are_shown());
        self.backlog = false;
        if self.session.is_running() {
            self.had_frame_after_hello = true;
            worker.activity.handlers_may_run();
        }
        if let ConnectionPhase::Draining(close) = &mut self.phase {
            close.disturb();
        }
        self.restart_idle_timer();
        loop {
            if worker.output.len() >= FLUSH_AT {
                self.backlog = used < input.len();
                return used;
            }
            let rest = rest(input, used);
            if let Some((taken, ids, messages)) = self.session.receive_notify(rest) {
                used += taken;
                if worker.charge(&messages) {
                    self.answer_last_of_poll(ids, messages, worker);
                    self.backlog = used < input.len();
                    return used;
                }
                self.dispatcher(worker).handle_notify(ids, messages);
                // Most reads end with a NOTIFY: there is nothing more to look for.
                if used == input.len() {
                    return used;
                }
                continue;
            }
            let (taken, is_last) = self.receive(rest, worker);
            used += taken;
            if is_last {
                return used;
            }
            if !worker.budget.is_left() {
                self.backlog = used < input.len();
                return used;
            }
        }
    }

    /// Answers the last NOTIFY of a poll.
    // The others are known to have few messages: more would have been the rest of what a poll may do.
    #[cold]
    fn answer_last_of_poll(
        &mut self,
        ids: FrameIds,
        messages: Messages<'_>,
        worker: &mut WorkerState,
    ) {
        let messages = answerable(messages, ids, &self.info, &self.shared);
        self.dispatcher(worker)
            .handle_notify_on_slow_path(ids, messages);
    }

    /// Handles the front of `input` if it is not a whole NOTIFY. Returns the number of bytes used, and whether no
    /// whole frame is left.
    #[inline(never)]
    fn receive(&mut self, input: &[u8], worker: &mut WorkerState) -> (usize, bool) {
        self.session
            .limit_reassembled(self.budget_share.reassembling());
        if !self.session.is_running() && self.shared.refuses_health_checks.load(Ordering::Acquire) {
            self.session.refuse_health_checks();
        }
        let limit = self.session.max_frame_size();
        let Received { used, event } = self.session.receive(input, &mut worker.output);
        let is_last = event.is_none();
        match event {
            None => {}
            // One that came in fragments.
            Some(AgentEvent::Notify { ids, messages }) => {
                worker.charge(&messages);
                let messages = answerable(messages, ids, &self.info, &self.shared);
                // The messages borrow from the session.
                let (shared, info, in_flight) = (&self.shared, &self.info, &mut self.in_flight);
                Dispatcher::new(shared, info, in_flight, worker, limit)
                    .handle_notify_on_slow_path(ids, messages);
            }
            Some(AgentEvent::Hello(hello)) => {
                log::hello(&hello, &self.info);
                self.timers.stop(Timer::Hello);
                let engine_id = hello.engine_id.map(|id| worker.engine_id(id));
                let info = Arc::make_mut(&mut self.info);
                info.engine_id = engine_id;
                info.streams_last = hello.capabilities.contains(Capabilities::ASYNC);
            }
            Some(AgentEvent::HealthCheckRefused(hello)) => {
                log::hello(&hello, &self.info);
                self.linger(&mut worker.output);
            }
            Some(AgentEvent::Unreadable { ids, reason }) => {
                self.shared.counters.unreadable.add(1);
                let most = self.shared.limits.max_reassembled;
                log::unreadable(&self.shared.line_limits, most, reason, ids, &self.info);
            }
            Some(AgentEvent::Disconnect(disconnect)) => {
                log::disconnect(&self.shared.line_limits, &disconnect, &self.info);
                self.close_after(&mut worker.output);
            }
            Some(AgentEvent::Refused(refusal)) => {
                self.shared.counters.protocol_errors.add(1);
                log::refused(&self.shared.line_limits, &refusal, &self.info);
                if let Refusal::Foreign(_) = refusal {
                    self.close_after(&mut worker.output);
                } else {
                    self.linger(&mut worker.output);
                }
            }
        }
        self.session.free_whole();
        self.budget_share.reassemble(self.session.reassembling());
        (used, is_last)
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
        shared.counters.unreadable.add(1);
        let req_id = shared.table.request_id(messages);
        let found = (ids, req_id.as_deref());
        let counts = (messages.len(), MAX_MESSAGES);
        log::too_many_messages(&shared.line_limits, counts, found, connection);
        return Messages::default();
    }
    messages
}

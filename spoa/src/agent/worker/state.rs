//! The state of one worker thread: its buffers, the rest of a poll's budget, its counters. The connection that is being
//! polled borrows it.
//!
//! A connection that waits has none of it, so idle connections hold no buffers.

use super::activity::WorkerActivity;
use super::batching::Batching;
use crate::agent::counters::{Polled, Shard};
use crate::agent::shared::admission::nanos;
use crate::handler::{ConnectionInfo, Job};
use crate::spop::Messages;
use std::cell::Cell;
use std::sync::Arc;
use tokio::time::Instant;

/// How much one read takes at most, in bytes: several frames with bodies. Its pages take memory only as
/// far as something was read into them.
pub(crate) const READ_SIZE: usize = 256 << 10;

/// How many bytes of spare buffers a thread keeps, and how large one may be.
const SPARES: usize = 1 << 20;
const SPARE_SIZE: usize = 16 << 10;

/// The capacity of a new buffer: few messages without a body are longer, so that it seldom grows.
const BUFFER_SIZE: usize = 256;

/// The most messages of one NOTIFY, which is answered in one go. A configuration of HAProxy has a
/// handful.
pub(crate) const MAX_MESSAGES: usize = 1024;

/// Of this many reads of a thread, handlers of one are timed: two looks at the clock for each would cost a
/// tenth of the agent's own work.
const TIMED: u32 = 8;

/// The most capacity the output buffer is kept with.
const OUTPUT_SIZE: usize = 256 << 10;

/// Returns what is left of `bytes` after the first `used`, which are not more than there are.
#[inline(always)]
pub(crate) fn rest(bytes: &[u8], used: usize) -> &[u8] {
    debug_assert!(used <= bytes.len(), "{used} of {} bytes", bytes.len());
    bytes.get(used..).unwrap_or_default()
}

thread_local! {
    static STATE: Cell<Option<Box<WorkerState>>> = const { Cell::new(None) };
}

/// The time of a read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ReadTime {
    pub(crate) at: Instant,
    /// The time as admission counts it.
    pub(crate) nanos: u64,
}

/// The work that one poll may still do before other tasks of the thread have their turn.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PollBudget {
    pub(crate) reads: usize,
    /// Messages, and NOTIFYs without any. It may be less than none: a NOTIFY is answered in one go.
    pub(crate) messages: isize,
}

impl PollBudget {
    /// A peer that always has more to say must not keep what is due from being seen: tokio lets no
    /// timer go off in a poll that has read too often. Nor is it to have the thread for itself:
    /// HAProxy sends 20 NOTIFYs on a connection and then waits for answers.
    const FULL: PollBudget = PollBudget {
        reads: 16,
        messages: 256,
    };

    #[inline]
    pub(crate) fn is_left(self) -> bool {
        self.reads > 0 && self.messages > 0
    }
}

/// The state of one worker thread, which a connection borrows for one poll.
#[derive(Debug)]
pub(crate) struct WorkerState {
    /// The bytes that were read; always of full length.
    pub(crate) input: Vec<u8>,
    /// The bytes to be written.
    pub(crate) output: Vec<u8>,
    /// A buffer for `Wakeups::take_ready`, empty between two polls.
    pub(crate) ready: Vec<usize>,
    pub(crate) activity: Arc<WorkerActivity>,
    pub(crate) batching: Batching,
    pub(crate) budget: PollBudget,
    pub(crate) shard: Shard,
    pub(crate) polled: Polled,
    /// Whether the next NOTIFY is timed: the first of one read in [`TIMED`].
    pub(crate) next_is_timed: bool,
    /// Whether the next NOTIFY takes the slow path: it is timed, has spans or an observer, or has its values shown.
    pub(crate) next_takes_slow_path: bool,
    reads: u32,
    /// The time of the last read, once it was needed.
    now: Option<ReadTime>,
    /// The last one: all connections of an HAProxy have the same.
    engine_id: Option<Arc<str>>,
    spares: Vec<Vec<u8>>,
    /// Those that have a connection were given back last.
    #[allow(
        clippy::vec_box,
        reason = "handlers are lent boxes: none is made for that"
    )]
    jobs: Vec<Box<Job>>,
    /// The capacity of the spares and of the jobs.
    spared: usize,
}

impl WorkerState {
    /// Takes the state of the calling thread, or makes another one if it is taken: a handler may itself run an agent.
    pub(crate) fn take() -> Box<WorkerState> {
        STATE.take().unwrap_or_else(|| {
            Box::new(WorkerState {
                input: vec![0; READ_SIZE],
                output: Vec::new(),
                ready: Vec::new(),
                activity: WorkerActivity::new(),
                batching: Batching::new(),
                budget: PollBudget::FULL,
                shard: Shard::next(),
                polled: Polled::default(),
                next_is_timed: true,
                next_takes_slow_path: true,
                reads: 0,
                now: None,
                engine_id: None,
                spares: Vec::new(),
                jobs: Vec::new(),
                spared: 0,
            })
        })
    }

    /// Gives the state back to the thread.
    pub(crate) fn give_back(mut self: Box<Self>) {
        self.output.clear();
        self.output.shrink_to(OUTPUT_SIZE);
        self.now = None;
        self.budget = PollBudget::FULL;
        // They are kept for a poll, so that it touches the count of a connection's owners once.
        for job in self.jobs.iter_mut().rev() {
            if job.connection.take().is_none() {
                break;
            }
        }
        STATE.set(Some(self));
    }

    /// Takes the messages of a NOTIFY from what this poll may still do; returns whether that was the
    /// rest of it.
    #[inline(always)]
    pub(crate) fn charge(&mut self, messages: &Messages<'_>) -> bool {
        self.budget.messages -= messages.len().max(1) as isize;
        self.budget.messages <= 0
    }

    /// Notes that something was read: the time that was read from the clock is too old, and another NOTIFY may be timed.
    /// `slow_path` is whether all NOTIFYs of this agent have spans, an observer, or their values shown.
    #[inline]
    pub(crate) fn note_read(&mut self, slow_path: bool) {
        self.now = None;
        self.next_is_timed |= self.reads % TIMED == 0;
        self.next_takes_slow_path = slow_path || self.next_is_timed;
        self.reads = self.reads.wrapping_add(1);
    }

    /// Returns the time, for deadlines: one look at the clock is enough for all that one read
    /// brought.
    #[inline]
    pub(crate) fn now(&mut self) -> ReadTime {
        *self.now.get_or_insert_with(|| {
            let at = Instant::now();
            let nanos = nanos(at);
            ReadTime { at, nanos }
        })
    }

    /// Returns an engine-id. Connections that have the same one, one after the other, share its memory.
    pub(crate) fn engine_id(&mut self, id: &str) -> Arc<str> {
        let last = self.engine_id.take().filter(|last| **last == *id);
        self.engine_id
            .insert(last.unwrap_or_else(|| id.into()))
            .clone()
    }

    /// An empty buffer.
    pub(crate) fn buffer(&mut self) -> Vec<u8> {
        let Some(spare) = self.spares.pop() else {
            return Vec::with_capacity(BUFFER_SIZE);
        };
        self.spared -= spare.capacity();
        spare
    }

    /// Takes a buffer back.
    pub(crate) fn recycle(&mut self, mut buffer: Vec<u8>) {
        let size = buffer.capacity();
        if (BUFFER_SIZE..=SPARE_SIZE).contains(&size) && self.spared + size <= SPARES {
            self.spared += size;
            buffer.clear();
            self.spares.push(buffer);
        }
    }

    /// A job for a handler of this connection.
    #[inline(always)]
    pub(crate) fn job(&mut self, connection: &Arc<ConnectionInfo>) -> Box<Job> {
        let mut job = match self.jobs.pop() {
            Some(job) => {
                self.spared -= job.capacity();
                job
            }
            None => Job::with_capacity(BUFFER_SIZE),
        };
        let has = job.connection.as_ref();
        if !has.is_some_and(|has| Arc::ptr_eq(has, connection)) {
            job.connection = Some(connection.clone());
        }
        job
    }

    /// Takes a job back.
    #[inline(always)]
    pub(crate) fn recycle_job(&mut self, mut job: Box<Job>) {
        let size = job.capacity();
        if size <= 2 * SPARE_SIZE && self.spared + size <= SPARES {
            self.spared += size;
            job.actions.clear();
            if job.left_out.is_some() {
                job.left_out = None;
            }
            self.jobs.push(job);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_one_haproxy_share_its_engine_id() {
        let mut worker = WorkerState::take();
        let [first, again, other] = ["a", "a", "b"].map(|id| worker.engine_id(id));
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!((&*first, &*other), ("a", "b"));
    }
}

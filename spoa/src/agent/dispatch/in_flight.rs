//! The NOTIFYs of one connection whose handlers are not done yet.
//!
//! A slab of slots whose parts and wakers are used again and again: a handler that has to wait
//! costs no allocation besides its own future.

use super::wakeups::{SlotWaker, Wakeups};
use crate::agent::shared::admission::Admitted;
use crate::handler::JobFuture;
use crate::handler::panics::drop_quietly;
use crate::spop::FrameIds;
use std::borrow::Cow;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use tokio::time::Instant;
use tracing::Span;

/// How many slots are kept while none is in use: more than the 20 that HAProxy needs.
const KEPT_SLOTS: usize = 32;

/// How many parts a slot keeps room for: HAProxy's configurations have a handful of messages.
const KEPT_PARTS: usize = 16;

/// The NOTIFYs of one connection whose handlers are not done yet.
#[derive(Debug)]
pub(crate) struct InFlight {
    wakeups: Arc<Wakeups>,
    /// Made for the first handler that may have to wait: many a connection never has one.
    slots: Option<Box<Slots>>,
}

#[derive(Debug, Default)]
struct Slots {
    all: Vec<Slot>,
    free: Vec<usize>,
    /// A lower bound of all deadlines.
    earliest: Option<Instant>,
}

/// One NOTIFY.
#[derive(Debug)]
pub(crate) struct Slot {
    pub(crate) ids: FrameIds,
    /// In the order of the messages: what the ACK will hold.
    pub(crate) parts: Vec<AckPart>,
    pub(crate) handle: Arc<SlotWaker>,
    pub(crate) waker: Waker,
}

/// The result of one or several messages of a NOTIFY.
#[derive(Debug)]
pub(crate) enum AckPart {
    /// Encoded actions.
    Done(Vec<u8>),
    /// A running handler.
    Running(RunningHandler),
}

/// A running handler.
pub(crate) struct RunningHandler {
    pub(crate) future: JobFuture,
    /// The index of its entry in the table of handlers.
    pub(crate) entry: usize,
    /// The name of the message: the fallback's can be any.
    pub(crate) message: Cow<'static, [u8]>,
    pub(crate) begun: Instant,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) admitted: Admitted,
    /// `None` for most messages.
    pub(crate) trace: Option<Box<Trace>>,
}

/// The deadline of a running handler.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline {
    pub(crate) at: Instant,
    /// The timeout of the handler, which ends at this time.
    pub(crate) timeout: Duration,
}

/// How a message that is gone is found in logs and traces.
#[derive(Debug)]
pub(crate) struct Trace {
    /// Its unique id.
    pub(crate) req_id: Option<String>,
    /// Its span; [`Span::none`] if it has none.
    pub(crate) span: Span,
}

impl Deadline {
    /// Returns the deadline as handlers see it.
    pub(crate) fn into_std(self) -> std::time::Instant {
        self.at.into_std()
    }
}

impl RunningHandler {
    /// Returns the unique id of the message.
    pub(crate) fn req_id(&self) -> Option<&str> {
        self.trace.as_ref()?.req_id.as_deref()
    }

    /// Removes the unique id of the message, which is done.
    pub(crate) fn take_req_id(&mut self) -> Option<String> {
        self.trace.as_mut()?.req_id.take()
    }
}

/// A future may panic when it is dropped, and two that do so at once would end the process.
impl Drop for RunningHandler {
    fn drop(&mut self) {
        let nothing = Box::pin(std::future::pending());
        drop_quietly(std::mem::replace(&mut self.future, nothing));
        if let Some(trace) = self.trace.take() {
            drop_quietly(trace);
        }
    }
}

impl std::fmt::Debug for RunningHandler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunningHandler")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

impl Slot {
    /// Returns whether a handler is running.
    pub(crate) fn is_waiting(&self) -> bool {
        self.parts
            .iter()
            .any(|part| matches!(part, AckPart::Running(_)))
    }
}

impl Slots {
    #[cold]
    fn add(&mut self, ids: FrameIds, wakeups: &Arc<Wakeups>) -> usize {
        let index = self.all.len();
        let handle = SlotWaker::new(index, wakeups);
        let waker = Waker::from(handle.clone());
        self.all.push(Slot {
            ids,
            parts: Vec::new(),
            handle,
            waker,
        });
        index
    }
}

impl InFlight {
    pub(crate) fn new(wakeups: Arc<Wakeups>) -> Self {
        InFlight {
            wakeups,
            slots: None,
        }
    }

    /// Returns how many NOTIFYs wait.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.slots
            .as_ref()
            .map_or(0, |slots| slots.all.len() - slots.free.len())
    }

    /// Takes a free slot.
    #[inline(always)]
    pub(crate) fn reserve(&mut self, ids: FrameIds) -> usize {
        let slots = self.slots.get_or_insert_default();
        if let Some(index) = slots.free.pop() {
            if let Some(slot) = slots.all.get_mut(index) {
                slot.ids = ids;
            }
            return index;
        }
        slots.add(ids, &self.wakeups)
    }

    /// Gives a slot back.
    #[inline(always)]
    pub(crate) fn release(&mut self, index: usize) {
        let Some(slots) = &mut self.slots else {
            return;
        };
        if let Some(slot) = slots.all.get_mut(index) {
            if slot.parts.capacity() > 0 {
                slot.parts.clear();
                slot.parts.shrink_to(KEPT_PARTS);
            }
            slots.free.push(index);
        }
        // A burst is over: what it needed goes back.
        if slots.all.len() > KEPT_SLOTS && slots.all.len() == slots.free.len() {
            self.slots = None;
        }
    }

    #[inline(always)]
    pub(crate) fn slot(&mut self, index: usize) -> Option<&mut Slot> {
        self.slots.as_mut()?.all.get_mut(index)
    }

    /// Returns whether this NOTIFY waits.
    pub(crate) fn contains(&self, ids: FrameIds) -> bool {
        self.all().any(|slot| slot.ids == ids && slot.is_waiting())
    }

    /// The slots whose NOTIFYs wait.
    pub(crate) fn waiting(&self) -> impl Iterator<Item = usize> + '_ {
        self.all()
            .enumerate()
            .filter(|(_, slot)| slot.is_waiting())
            .map(|(index, _)| index)
    }

    /// Returns the running handlers, with the ids of their NOTIFYs.
    pub(crate) fn running(&self) -> impl Iterator<Item = (FrameIds, &RunningHandler)> {
        self.all().flat_map(|slot| {
            let running = slot.parts.iter().filter_map(|part| match part {
                AckPart::Running(running) => Some(running),
                AckPart::Done(_) => None,
            });
            running.map(|running| (slot.ids, running))
        })
    }

    fn all(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().flat_map(|slots| &slots.all)
    }

    /// Returns a time such that no deadline is earlier.
    #[inline]
    pub(crate) fn earliest(&self) -> Option<Instant> {
        self.slots.as_ref()?.earliest
    }

    /// Lowers the earliest deadline to this one, if it is later.
    pub(crate) fn lower_earliest(&mut self, deadline: Instant) {
        if let Some(slots) = &mut self.slots {
            let earliest = slots.earliest.get_or_insert(deadline);
            *earliest = deadline.min(*earliest);
        }
    }

    /// Finds the earliest deadline again.
    pub(crate) fn find_earliest(&mut self) {
        let parts = self.all().flat_map(|slot| &slot.parts);
        let deadlines = parts.filter_map(|part| match part {
            AckPart::Running(running) => Some(running.deadline?.at),
            AckPart::Done(_) => None,
        });
        let earliest = deadlines.min();
        if let Some(slots) = &mut self.slots {
            slots.earliest = earliest;
        }
    }
}

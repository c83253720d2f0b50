//! The counters of an agent: relaxed atomic numbers, without locks and allocations.
//!
//! `stats` reads them.

pub(crate) mod histogram;
mod shard;

pub(crate) use self::shard::{Shard, Sharded};

use self::histogram::Histogram;
use super::phase::Phase;
use crate::handler::{Definition, Failure, LeftOut, Overload};
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    #[inline]
    pub(crate) fn add(&self, count: u64) {
        self.0.fetch_add(count, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one handler.
#[derive(Debug, Default)]
pub(crate) struct HandlerCounters {
    /// The counters that each message changes.
    pub(crate) messages: Sharded<MessageCounters>,
    pub(crate) rejected: Count,
    /// The rejected messages by argument.
    pub(crate) rejected_arguments: Box<[(&'static str, Count)]>,
    pub(crate) errors: Count,
    pub(crate) panicked: Count,
    pub(crate) late: Count,
    pub(crate) overloaded: Count,
    /// Actions that did not fit into the ACK.
    pub(crate) left_out: Count,
}

/// The counters that each message of a handler changes.
#[derive(Debug, Default)]
pub(crate) struct MessageCounters {
    pub(crate) handled: Count,
    pub(crate) durations: Histogram,
}

impl HandlerCounters {
    pub(crate) fn new(definition: &Definition) -> Self {
        let arguments = definition.description().arguments.into_iter();
        let names = arguments.filter_map(|argument| argument.name);
        HandlerCounters {
            rejected_arguments: names.map(|name| (name, Count::default())).collect(),
            ..HandlerCounters::default()
        }
    }

    /// Counts a message that was handled.
    #[inline]
    pub(crate) fn handled(&self, shard: Shard) {
        self.messages.of(shard).handled.add(1);
    }

    /// Counts how long a handler took.
    pub(crate) fn count_duration(&self, shard: Shard, duration: Duration) {
        self.messages.of(shard).durations.add(duration);
    }

    /// Counts actions that did not fit.
    #[cold]
    pub(crate) fn left_out(&self, left_out: &LeftOut) {
        self.left_out.add(left_out.count() as u64);
    }

    /// Counts a message that was not handled.
    #[cold]
    pub(crate) fn failed(&self, failure: &Failure) {
        let count = match failure {
            Failure::Rejected(rejection) => {
                let mut arguments = self.rejected_arguments.iter();
                let its_own = arguments.find(|(name, _)| Some(*name) == rejection.argument());
                if let Some((_, count)) = its_own {
                    count.add(1);
                }
                &self.rejected
            }
            Failure::Panicked(_) => &self.panicked,
            Failure::TimedOut(_) | Failure::Stopped(_) => &self.late,
            Failure::Overloaded(_) => &self.overloaded,
            _ => &self.errors,
        };
        count.add(1);
    }
}

/// The numbers of one poll of a connection, until [`AgentCounters::flush`] adds them.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Polled {
    pub(crate) notifies: u64,
    pub(crate) acks: u64,
    pub(crate) received: u64,
    pub(crate) sent: u64,
}

/// The counters of the traffic.
#[derive(Debug, Default)]
pub(crate) struct Traffic {
    pub(crate) notifies: Count,
    pub(crate) acks: Count,
    pub(crate) received: Count,
    pub(crate) sent: Count,
}

/// The counters of an agent, without those of its handlers.
#[derive(Debug, Default)]
pub(crate) struct AgentCounters {
    pub(crate) traffic: Sharded<Traffic>,
    /// Messages that no handler answers.
    pub(crate) unknown: Count,
    /// NOTIFYs that could not be read, and were answered without actions.
    pub(crate) unreadable: Count,
    /// Actions that were cut from an ACK because it was too large.
    pub(crate) cut: Count,
    pub(crate) accepted: Count,
    pub(crate) closed: Count,
    pub(crate) refused_full: Count,
    pub(crate) refused_not_allowed: Count,
    pub(crate) accept_failed: Count,
    pub(crate) protocol_errors: Count,
    pub(crate) broken: Count,
    pub(crate) timed_out: Count,
    pub(crate) overloads: Overloads,
    pub(crate) workers_blocked: Count,
    pub(crate) reloaded: Count,
    pub(crate) reloads_failed: Count,
    /// When the certificate expires, in seconds since 1970; 0 without TLS.
    certificate_expires: AtomicU64,
    /// Reloadable values whose last reload failed.
    stale: AtomicU64,
    /// When the states were made last, in milliseconds since 1970.
    loaded: AtomicU64,
    phase: AtomicU8,
}

/// Messages that were refused at each limit.
#[derive(Debug, Default)]
pub(crate) struct Overloads {
    pub(crate) connection: Count,
    pub(crate) total: Count,
    pub(crate) bytes: Count,
    pub(crate) blocking: Count,
    pub(crate) notify: Count,
    pub(crate) deadline: Count,
}

impl Overloads {
    fn of(&self, overload: &Overload) -> &Count {
        match overload {
            Overload::Connection(_) => &self.connection,
            Overload::Total(_) => &self.total,
            Overload::Bytes(_) => &self.bytes,
            Overload::Blocking(_) => &self.blocking,
            Overload::Notify(_) => &self.notify,
            Overload::Deadline => &self.deadline,
        }
    }
}

impl AgentCounters {
    pub(crate) fn new() -> Self {
        let counters = AgentCounters::default();
        counters.loaded_now();
        counters
    }

    /// Adds what one poll has counted.
    #[inline]
    pub(crate) fn flush(&self, polled: Polled, shard: Shard) {
        let traffic = self.traffic.of(shard);
        traffic.notifies.add(polled.notifies);
        traffic.acks.add(polled.acks);
        traffic.received.add(polled.received);
        traffic.sent.add(polled.sent);
    }

    /// Counts a message that was refused at a limit.
    #[cold]
    pub(crate) fn failed(&self, failure: &Failure) {
        if let Failure::Overloaded(overload) = failure {
            self.overloads.of(overload).add(1);
        }
    }

    /// Counts a reload, which succeeded or not.
    pub(crate) fn reload_ended(&self, succeeded: bool) {
        if succeeded {
            self.reloaded.add(1);
            self.loaded_now();
        } else {
            self.reloads_failed.add(1);
        }
    }

    /// Sets when the certificate expires.
    #[cfg(feature = "tls")]
    pub(crate) fn certificate_expires_at(&self, time: Option<SystemTime>) {
        let since = time.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let seconds = since.map_or(0, |since| since.as_secs());
        self.certificate_expires.store(seconds, Ordering::Relaxed);
    }

    /// Returns when the certificate expires.
    pub(crate) fn certificate_expires(&self) -> Option<SystemTime> {
        match self.certificate_expires.load(Ordering::Relaxed) {
            0 => None,
            seconds => Some(UNIX_EPOCH + Duration::from_secs(seconds)),
        }
    }

    /// Sets how many values are old because their last reload failed.
    pub(crate) fn stale(&self, count: usize) {
        self.stale.store(count as u64, Ordering::Relaxed);
    }

    /// Returns how many values are old because their last reload failed.
    pub(crate) fn stale_values(&self) -> u64 {
        self.stale.load(Ordering::Relaxed)
    }

    fn loaded_now(&self) {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let millis = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.loaded.store(millis, Ordering::Relaxed);
    }

    /// Returns when the states were made last.
    pub(crate) fn loaded(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_millis(self.loaded.load(Ordering::Relaxed))
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u8, Ordering::Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_u8(self.phase.load(Ordering::Relaxed))
    }
}

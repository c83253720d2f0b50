//! The number of running messages of one handler, and whether one more would be done in time.
//!
//! While a handler misses its deadline for one message in eight, no more of its messages may run at once
//! than it finished within the last deadline's length: more would take longer than that, since the number
//! running is the rate times the time that each takes. Those beyond are refused at once. A few are always
//! admitted, to find out when the handler has recovered.

use super::budget::Budgets;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::time::Instant;

/// This many messages of a handler are admitted in any case.
const ALWAYS: usize = 32;

/// One miss in this many is an accident: a handler that never returns for some requests is not a reason
/// to refuse the others.
const ACCIDENT: usize = 8;

/// A time as handlers' loads count it: in nanoseconds since the first that was asked for.
pub(crate) fn nanos(time: Instant) -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    let first = FIRST.get_or_init(|| time);
    time.saturating_duration_since(*first).as_nanos() as u64
}

/// The running messages of one handler.
#[derive(Debug)]
pub(crate) struct Admission {
    budgets: Arc<Budgets>,
    running: AtomicUsize,
    /// Time is cut in windows of the deadline's length: when this one began, as [`nanos`].
    window: AtomicU64,
    /// Done in time, in this window and in the one before.
    done: [AtomicUsize; 2],
    /// Not done in time, likewise.
    missed: [AtomicUsize; 2],
}

impl Admission {
    pub(crate) fn new(budgets: Arc<Budgets>) -> Arc<Self> {
        Arc::new(Admission {
            budgets,
            running: AtomicUsize::new(0),
            window: AtomicU64::new(0),
            done: Default::default(),
            missed: Default::default(),
        })
    }

    /// Returns whether one more can be expected to be done within `length`.
    #[inline]
    pub(crate) fn admits(&self, now: u64, length: Duration) -> bool {
        self.turn(now, length);
        let [done, done_before] = &self.done;
        let [missed, missed_before] = &self.missed;
        let both = |now: &AtomicUsize, before: &AtomicUsize| {
            now.load(Ordering::Relaxed) + before.load(Ordering::Relaxed)
        };
        let missed = both(missed, missed_before);
        if missed == 0 || missed * ACCIDENT <= both(done, done_before) {
            return true;
        }
        let most = done.load(Ordering::Relaxed);
        let most = most.max(done_before.load(Ordering::Relaxed)).max(ALWAYS);
        self.running.load(Ordering::Relaxed) < most
    }

    /// Goes on to the window it is now. Threads that count meanwhile may do so in the wrong one: it
    /// is an estimate.
    #[inline]
    fn turn(&self, now: u64, length: Duration) {
        let length = length.as_nanos() as u64;
        let began = self.window.load(Ordering::Relaxed);
        let passed = now.saturating_sub(began);
        if passed >= length {
            self.turn_from(began, now, (passed / 2 < length).then_some(length));
        }
    }

    /// Leaves the window that began then for the one that follows it, or for one that begins now.
    #[cold]
    fn turn_from(&self, began: u64, now: u64, follows: Option<u64>) {
        let next = follows.map_or(now, |length| began.saturating_add(length));
        let ours = self
            .window
            .compare_exchange(began, next, Ordering::Relaxed, Ordering::Relaxed)
            .is_ok();
        if ours {
            for [now, before] in [&self.done, &self.missed] {
                let count = now.swap(0, Ordering::Relaxed);
                before.store(if follows.is_some() { count } else { 0 }, Ordering::Relaxed);
            }
        }
    }

    /// Returns how many are running.
    pub(crate) fn running(&self) -> usize {
        self.running.load(Ordering::Relaxed)
    }

    /// Counts one that was done at once.
    #[inline]
    pub(crate) fn done_at_once(&self) {
        let [missed, missed_before] = &self.missed;
        // It matters in trouble only.
        if missed.load(Ordering::Relaxed) + missed_before.load(Ordering::Relaxed) > 0 {
            self.done[0].fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Counts one that begins to run, whose message has `bytes` bytes.
    pub(crate) fn begin(self: &Arc<Self>, bytes: usize) -> Admitted {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.budgets.inflight.add(1);
        self.budgets.buffered.add(bytes);
        Admitted {
            load: self.clone(),
            bytes,
        }
    }
}

/// A running message, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    load: Arc<Admission>,
    bytes: usize,
}

impl Admitted {
    /// Counts the end, which was in time or not.
    pub(crate) fn ended(&self, in_time: bool) {
        let [count, _] = if in_time {
            &self.load.done
        } else {
            &self.load.missed
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.load.running.fetch_sub(1, Ordering::Relaxed);
        self.load.budgets.inflight.sub(1);
        self.load.budgets.buffered.sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Limits;

    const LENGTH: Duration = Duration::from_millis(100);

    fn now() -> u64 {
        nanos(Instant::now())
    }

    fn load() -> Arc<Admission> {
        Admission::new(Budgets::new(&Limits::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_admitted_while_no_deadline_is_missed() {
        let load = load();
        let running: Vec<_> = (0..5000).map(|_| load.begin(0)).collect();
        assert!(load.admits(now(), LENGTH));
        drop(running);
        assert_eq!(load.running.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_rarely_hangs_is_not_limited() {
        let load = load();
        let running: Vec<_> = (0..100).map(|_| load.begin(0)).collect();
        running.iter().for_each(|one| one.ended(true));
        let _late: Vec<_> = (0..12)
            .map(|_| load.begin(0))
            .inspect(|one| one.ended(false))
            .collect();
        assert!(load.admits(now(), LENGTH));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_hangs_gets_few_messages_until_it_recovers() {
        let load = load();
        let mut running: Vec<_> = (0..500).map(|_| load.begin(0)).collect();
        running.iter().for_each(|one| one.ended(false));
        assert!(!load.admits(now(), LENGTH));
        running.truncate(ALWAYS);
        assert!(!load.admits(now(), LENGTH));
        running.truncate(ALWAYS - 1);
        assert!(load.admits(now(), LENGTH));
        // They finish in time, and 60 finished: up to 60 can run at once.
        (0..60).for_each(|_| running[0].ended(true));
        running.extend((running.len()..59).map(|_| load.begin(0)));
        assert!(load.admits(now(), LENGTH));
        running.push(load.begin(0));
        assert!(!load.admits(now(), LENGTH));
        // Nothing missed for two lengths: nothing is refused.
        tokio::time::advance(2 * LENGTH).await;
        assert!(load.admits(now(), LENGTH));
    }
}

//! The number of running messages of one handler, and whether one more would be done in time.
//!
//! While a handler misses its deadline for one message in eight, no more of its messages may run at once
//! than it finished within the last timeout: more would take longer than that, since the number
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

/// Returns a time as admission counts it: in nanoseconds since the first that was asked for.
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
    /// Time is cut in windows as long as the timeout: when this one began, as [`nanos`].
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

    /// Returns whether one more can be expected to be done within `timeout`.
    #[inline]
    pub(crate) fn admits(&self, now: u64, timeout: Duration) -> bool {
        self.advance_window(now, timeout);
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

    /// Advances to the window of this time. Threads that count meanwhile may do so in the wrong one: it
    /// is an estimate.
    #[inline]
    fn advance_window(&self, now: u64, timeout: Duration) {
        let timeout = timeout.as_nanos() as u64;
        let began = self.window.load(Ordering::Relaxed);
        let passed = now.saturating_sub(began);
        if passed >= timeout {
            self.start_window(began, now, (passed / 2 < timeout).then_some(timeout));
        }
    }

    /// Leaves the window that began then for the one that follows it, or for one that begins now.
    #[cold]
    fn start_window(&self, began: u64, now: u64, follows: Option<u64>) {
        let next = follows.map_or(now, |timeout| began.saturating_add(timeout));
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
    pub(crate) fn admit(self: &Arc<Self>, bytes: usize) -> Admitted {
        self.running.fetch_add(1, Ordering::Relaxed);
        self.budgets.in_flight.add(1);
        self.budgets.buffered.add(bytes);
        Admitted {
            admission: self.clone(),
            bytes,
        }
    }
}

/// A running message, counted until this is dropped.
#[derive(Debug)]
pub(crate) struct Admitted {
    admission: Arc<Admission>,
    bytes: usize,
}

impl Admitted {
    /// Counts the end, which was in time or not.
    pub(crate) fn ended(&self, in_time: bool) {
        let [count, _] = if in_time {
            &self.admission.done
        } else {
            &self.admission.missed
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.admission.running.fetch_sub(1, Ordering::Relaxed);
        self.admission.budgets.in_flight.sub(1);
        self.admission.budgets.buffered.sub(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::Limits;

    const TIMEOUT: Duration = Duration::from_millis(100);

    fn now() -> u64 {
        nanos(Instant::now())
    }

    fn admission() -> Arc<Admission> {
        Admission::new(Budgets::new(&Limits::default()))
    }

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_admitted_while_no_deadline_is_missed() {
        let admission = admission();
        let running: Vec<_> = (0..5000).map(|_| admission.admit(0)).collect();
        assert!(admission.admits(now(), TIMEOUT));
        drop(running);
        assert_eq!(admission.running.load(Ordering::Relaxed), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_rarely_hangs_is_not_limited() {
        let admission = admission();
        let running: Vec<_> = (0..100).map(|_| admission.admit(0)).collect();
        running.iter().for_each(|one| one.ended(true));
        let _late: Vec<_> = (0..12)
            .map(|_| admission.admit(0))
            .inspect(|one| one.ended(false))
            .collect();
        assert!(admission.admits(now(), TIMEOUT));
    }

    #[tokio::test(start_paused = true)]
    async fn a_handler_that_hangs_gets_few_messages_until_it_recovers() {
        let admission = admission();
        let mut running: Vec<_> = (0..500).map(|_| admission.admit(0)).collect();
        running.iter().for_each(|one| one.ended(false));
        assert!(!admission.admits(now(), TIMEOUT));
        running.truncate(ALWAYS);
        assert!(!admission.admits(now(), TIMEOUT));
        running.truncate(ALWAYS - 1);
        assert!(admission.admits(now(), TIMEOUT));
        // They finish in time, and 60 finished: up to 60 can run at once.
        (0..60).for_each(|_| running[0].ended(true));
        running.extend((running.len()..59).map(|_| admission.admit(0)));
        assert!(admission.admits(now(), TIMEOUT));
        running.push(admission.admit(0));
        assert!(!admission.admits(now(), TIMEOUT));
        // Nothing missed for two timeouts: nothing is refused.
        tokio::time::advance(2 * TIMEOUT).await;
        assert!(admission.admits(now(), TIMEOUT));
    }
}

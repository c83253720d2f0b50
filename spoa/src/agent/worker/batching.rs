//! Whether a worker thread gives its core away once before it reads, so that one read finds more NOTIFYs.
//!
//! HAProxy 3.1 and later send each NOTIFY in a write of its own, and the first one wakes the agent. On a core that
//! HAProxy or the programs around it also want, the agent then runs for one NOTIFY at a time, and both sides pay
//! for a change of task for each. After a `sched_yield` the others have had their turn, and more NOTIFYs are there.
//! Where the core is free, or a read finds several NOTIFYs anyway, there is nothing to gain. Only the size of the
//! batches tells these cases apart, so a thread tries both from time to time.

use std::time::{Duration, Instant};

/// The polls in which one way is tried.
const TRIAL: u32 = 64;

/// A batch without a yield that is large enough, in NOTIFYs: HAProxy 2.6 to 3.0 send such ones by themselves.
const LARGE: u32 = 3;

/// The polls between two trials.
const PAUSE: u32 = 4096;

/// How often [`PAUSE`] is doubled while trials show no gain.
const MAX_DOUBLINGS: u32 = 5;

/// A yield that takes so long gave the core to a program that computes. HAProxy's turns are shorter.
const LONG: Duration = Duration::from_millis(1);

/// The long yields that end the use of yields until the next trial.
const MAX_LONG: u32 = 3;

/// The point of its trials where a thread is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The thread does not yield, and counts NOTIFYs.
    TriesWithout,
    /// The thread yields, and counts NOTIFYs; this many came without a yield.
    TriesWith { without: u32 },
    /// The thread keeps the result of the last trial.
    Settled { yields: bool },
}

/// The trials of one thread and their result.
#[derive(Debug)]
pub(crate) struct Batching {
    stage: Stage,
    /// The polls that the stage still lasts.
    polls: u32,
    /// The NOTIFYs of this stage.
    notifies: u32,
    /// The yields of this stage that took long.
    long: u32,
    /// How often the pause was doubled.
    doublings: u32,
}

impl Batching {
    pub(crate) fn new() -> Self {
        Batching {
            stage: Stage::TriesWithout,
            polls: TRIAL,
            notifies: 0,
            long: 0,
            doublings: 0,
        }
    }

    /// Gives the core away, if that makes the batches of this thread larger or may do so.
    #[inline]
    pub(crate) fn yield_if_useful(&mut self) {
        if self.yields() {
            let begin = Instant::now();
            std::thread::yield_now();
            self.yielded(begin.elapsed());
        }
    }

    #[inline]
    fn yields(&self) -> bool {
        matches!(
            self.stage,
            Stage::TriesWith { .. } | Stage::Settled { yields: true }
        )
    }

    fn yielded(&mut self, took: Duration) {
        if took < LONG {
            return;
        }
        self.long += 1;
        if self.long > MAX_LONG || matches!(self.stage, Stage::TriesWith { .. }) {
            self.settle(false);
        }
    }

    /// Counts the NOTIFYs of a poll that began with [`yield_if_useful`](Self::yield_if_useful).
    #[inline]
    pub(crate) fn count(&mut self, notifies: u64) {
        if notifies == 0 {
            return;
        }
        self.notifies = self.notifies.saturating_add(notifies as u32);
        self.polls -= 1;
        if self.polls == 0 {
            self.next_stage();
        }
    }

    #[cold]
    fn next_stage(&mut self) {
        match self.stage {
            Stage::TriesWithout if self.notifies < LARGE * TRIAL => {
                let without = self.notifies;
                self.enter(Stage::TriesWith { without }, TRIAL);
            }
            Stage::TriesWithout => self.settle(false),
            // A batch that is half as large again pays for the yield.
            Stage::TriesWith { without } => self.settle(self.notifies >= without + without / 2),
            Stage::Settled { .. } => self.enter(Stage::TriesWithout, TRIAL),
        }
    }

    fn settle(&mut self, yields: bool) {
        let (pause, doublings) = if yields {
            (PAUSE, 0)
        } else {
            let more = MAX_DOUBLINGS.min(self.doublings + 1);
            (PAUSE << self.doublings, more)
        };
        self.doublings = doublings;
        self.enter(Stage::Settled { yields }, pause);
    }

    fn enter(&mut self, stage: Stage, polls: u32) {
        *self = Batching {
            stage,
            polls,
            notifies: 0,
            long: 0,
            doublings: self.doublings,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(20);

    /// Polls `batching` often; returns how many of these polls yielded. A poll that yields takes `took` for it and
    /// finds `with` NOTIFYs, others find `without`.
    fn poll(batching: &mut Batching, polls: u32, without: u64, with: u64, took: Duration) -> u32 {
        let mut yielded = 0;
        for _ in 0..polls {
            if batching.yields() {
                yielded += 1;
                batching.yielded(took);
                batching.count(with);
            } else {
                batching.count(without);
            }
        }
        yielded
    }

    #[test]
    fn a_thread_yields_if_that_makes_batches_larger() {
        let mut batching = Batching::new();
        assert_eq!(poll(&mut batching, TRIAL, 1, 5, SHORT), 0);
        let yielded = poll(&mut batching, 100 * PAUSE, 1, 5, SHORT);
        assert!(yielded > 98 * PAUSE, "{yielded}");
    }

    #[test]
    fn yields_without_a_gain_become_rare() {
        let mut batching = Batching::new();
        let yielded = poll(&mut batching, 100 * PAUSE, 1, 1, SHORT);
        assert!((TRIAL..=10 * TRIAL).contains(&yielded), "{yielded}");
        let yielded = poll(&mut batching, 1000 * PAUSE, 2, 2, SHORT);
        assert!(yielded < PAUSE, "{yielded}");
    }

    #[test]
    fn a_thread_with_large_batches_never_yields() {
        let mut batching = Batching::new();
        let large = u64::from(LARGE);
        assert_eq!(poll(&mut batching, 10 * PAUSE, large, 100, SHORT), 0);
    }

    #[test]
    fn a_thread_stops_yielding_a_busy_core() {
        let mut batching = Batching::new();
        // The first long yield ends the trial.
        assert_eq!(poll(&mut batching, PAUSE, 1, 5, LONG), 1);
        // Where yields were useful, a few long ones end their use.
        let mut batching = Batching::new();
        poll(&mut batching, 2 * TRIAL, 1, 5, SHORT);
        assert!(batching.yields());
        assert_eq!(poll(&mut batching, PAUSE, 1, 5, LONG), MAX_LONG + 1);
    }

    #[test]
    fn a_change_of_the_load_is_noticed() {
        let mut batching = Batching::new();
        poll(&mut batching, 100 * PAUSE, 1, 1, SHORT);
        let longest = PAUSE << MAX_DOUBLINGS;
        poll(&mut batching, 2 * longest, 1, 5, SHORT);
        assert!(batching.yields());
        poll(&mut batching, 2 * PAUSE, 1, 1, SHORT);
        assert!(!batching.yields());
    }

    #[test]
    fn polls_without_notifies_are_not_counted() {
        let mut batching = Batching::new();
        poll(&mut batching, 10 * PAUSE, 0, 0, SHORT);
        assert_eq!(batching.stage, Stage::TriesWithout);
        assert_eq!(batching.polls, TRIAL);
    }
}

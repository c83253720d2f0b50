//! Rate limits: one log line a second for each cause.

use crate::agent::clock;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::atomic::{AtomicU64, Ordering};

/// The milliseconds between two lines.
const PERIOD: u64 = 1000;

/// A line that may be written now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permitted {
    /// How many lines were suppressed since the one before; `None` for none, so that the field is left out
    /// of the line.
    pub(crate) suppressed: Option<u64>,
}

/// Lets one line through each second and counts the others.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// The time of the line that went through last; 0 for none.
    last: AtomicU64,
    suppressed: AtomicU64,
}

impl Default for RateLimit {
    fn default() -> Self {
        RateLimit::new()
    }
}

impl RateLimit {
    pub(crate) const fn new() -> Self {
        RateLimit {
            last: AtomicU64::new(0),
            suppressed: AtomicU64::new(0),
        }
    }

    /// Asks for a line.
    pub(crate) fn pass(&self) -> Option<Permitted> {
        self.pass_at(clock::millis())
    }

    fn pass_at(&self, now: u64) -> Option<Permitted> {
        let last = self.last.load(Ordering::Relaxed);
        let won = (last == 0 || now.saturating_sub(last) >= PERIOD)
            && self
                .last
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won {
            let suppressed = self.suppressed.swap(0, Ordering::Relaxed);
            let suppressed = (suppressed > 0).then_some(suppressed);
            return Some(Permitted { suppressed });
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
    }

    /// Returns whether no line went through for more than a second and none is counted.
    fn is_idle(&self) -> bool {
        let last = self.last.load(Ordering::Relaxed);
        clock::millis().saturating_sub(last) > PERIOD
            && self.suppressed.load(Ordering::Relaxed) == 0
    }
}

/// Lets one line through each second for each of `N` reasons, so that none hides another.
#[derive(Debug)]
pub(crate) struct RateLimits<const N: usize>([RateLimit; N]);

impl<const N: usize> Default for RateLimits<N> {
    fn default() -> Self {
        RateLimits(std::array::from_fn(|_| RateLimit::new()))
    }
}

impl<const N: usize> RateLimits<N> {
    /// Like [`RateLimit::pass`], for the line of one of `N` reasons.
    pub(crate) fn pass(&self, reason: usize) -> Option<Permitted> {
        self.0.get(reason % N)?.pass()
    }
}

/// Lets one line through each second for each reason, where reasons are values that are not known
/// before: texts, addresses, places.
///
/// `N` reasons fit in one second, each with a limit of its own. Further ones share a limit.
#[derive(Debug)]
pub(crate) struct ReasonLimits<const N: usize>([Reason; N]);

/// The limit of one reason, which is known by its hash; 0 while no reason has it.
#[derive(Debug, Default)]
struct Reason {
    hash: AtomicU64,
    limit: RateLimit,
}

impl<const N: usize> Default for ReasonLimits<N> {
    fn default() -> Self {
        ReasonLimits(std::array::from_fn(|_| Reason::default()))
    }
}

impl<const N: usize> ReasonLimits<N> {
    /// Like [`RateLimit::pass`], for a line with this reason.
    pub(crate) fn pass(&self, reason: impl Hash) -> Option<Permitted> {
        let mut hasher = DefaultHasher::new();
        reason.hash(&mut hasher);
        let hash = hasher.finish().max(1);
        self.of(hash).limit.pass()
    }

    fn of(&self, hash: u64) -> &Reason {
        let known = |reason: &&Reason| reason.hash.load(Ordering::Relaxed) == hash;
        if let Some(reason) = self.0.iter().find(known) {
            return reason;
        }
        let taken = |reason: &&Reason| {
            let old = reason.hash.load(Ordering::Relaxed);
            let free = old == 0 || reason.limit.is_idle();
            free && reason
                .hash
                .compare_exchange(old, hash, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        if let Some(reason) = self.0.iter().find(taken) {
            return reason;
        }
        let shared = hash as usize % N;
        #[expect(clippy::indexing_slicing, reason = "the remainder is below the length")]
        &self.0[shared]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    #[test]
    fn one_reason_does_not_suppress_another() {
        let limits = RateLimits::<3>::default();
        for reason in 0..3 {
            let begin = Instant::now();
            let passed = (0..1000).filter(|_| limits.pass(reason).is_some()).count();
            let most = 2 + begin.elapsed().as_secs() as usize;
            assert!((1..=most).contains(&passed), "{passed} lines");
        }
    }

    #[test]
    fn reasons_do_not_suppress_each_other_whatever_their_hashes_are() {
        let limits = ReasonLimits::<64>::default();
        let passed = (0..64).filter(|reason| limits.pass(reason).is_some());
        assert_eq!(passed.count(), 64);
        let mut hashes = limits
            .0
            .each_ref()
            .map(|reason| reason.hash.load(Ordering::Relaxed));
        hashes.sort_unstable();
        assert!(hashes.windows(2).all(|pair| pair[0] != pair[1]));
        // More than fit share limits, and still do not flood.
        let begin = Instant::now();
        let more = (64..10_000).filter(|reason| limits.pass(reason).is_some());
        let more = more.count();
        let most = 2 + begin.elapsed().as_secs() as usize;
        assert!(more <= most * 64, "{more} lines");
    }

    #[test]
    fn two_lines_are_at_least_a_second_apart() {
        let limit = RateLimit::default();
        let passes = |now| limit.pass_at(now).map(|permitted| permitted.suppressed);
        assert_eq!(passes(1), Some(None));
        // Not even if a second of the clock begins between them.
        assert_eq!(passes(1990), Some(None));
        assert_eq!(passes(2010), None);
        assert_eq!(passes(2989), None);
        assert_eq!(passes(2990), Some(Some(2)));
    }

    #[test]
    fn one_line_a_second_goes_through_and_the_others_are_counted() {
        let limit = RateLimit::default();
        let passed = (0..1000).filter(|_| limit.pass_at(5000).is_some());
        assert_eq!(passed.count(), 1);
        assert_eq!(limit.suppressed.load(Ordering::Relaxed), 999);
    }
}

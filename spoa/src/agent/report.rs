//! Log lines that do not flood: one for each cause of trouble and second.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Lets one line through each second and counts the others.
#[derive(Debug)]
pub(crate) struct RateLimit {
    /// Seconds since the start, plus one, of the line that went through last; 0 for none.
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

    /// `Some` if a line may be written now: how many were not since the one before, if any.
    pub(crate) fn pass(&self) -> Option<Option<u64>> {
        let now = START.elapsed().as_secs() + 1;
        let last = self.last.load(Ordering::Relaxed);
        let won = last != now
            && self
                .last
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won {
            let suppressed = self.suppressed.swap(0, Ordering::Relaxed);
            return Some((suppressed > 0).then_some(suppressed));
        }
        self.suppressed.fetch_add(1, Ordering::Relaxed);
        None
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
    /// Like [`RateLimit::pass`], for a line with this reason. There may be more reasons than `N`: then
    /// some share their second.
    pub(crate) fn pass(&self, reason: usize) -> Option<Option<u64>> {
        self.0.get(reason % N)?.pass()
    }

    /// The same for a reason that is a value of any kind.
    pub(crate) fn pass_for(&self, reason: impl Hash) -> Option<Option<u64>> {
        let mut hasher = DefaultHasher::new();
        reason.hash(&mut hasher);
        self.pass(hasher.finish() as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_reason_hides_another() {
        let limits = RateLimits::<3>::default();
        let passed = |reason| (0..1000).filter(|_| limits.pass(reason).is_some()).count();
        for reason in 0..3 {
            assert!((1..=2).contains(&passed(reason)));
        }
        let many = RateLimits::<8>::default();
        let names = ["a", "b", "c", "d", "e", "f"];
        let passed = names.iter().filter(|name| many.pass_for(name).is_some());
        assert!(passed.count() > 1);
    }

    #[test]
    fn one_line_a_second_goes_through_and_the_others_are_counted() {
        let limit = RateLimit::default();
        let passed = (0..1000).filter(|_| limit.pass().is_some()).count();
        assert!((1..=2).contains(&passed), "{passed} lines");
        assert_eq!(
            limit.suppressed.load(Ordering::Relaxed),
            1000 - passed as u64
        );
    }
}

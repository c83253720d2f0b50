//! Log lines that do not flood: one for each cause of trouble and second.

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

#[cfg(test)]
mod tests {
    use super::*;

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

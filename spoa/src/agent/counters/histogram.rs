//! How long handlers take, as a histogram with fixed buckets.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper bounds of the buckets, in nanoseconds. A last bucket has what takes longer.
pub(crate) const BOUNDS: [u64; 14] = [
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
];

/// How many buckets there are.
pub(crate) const BUCKETS: usize = BOUNDS.len() + 1;

/// Counts durations.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    buckets: [AtomicU64; BUCKETS],
    /// The sum of all, in nanoseconds: it is full after 584 years.
    sum: AtomicU64,
}

impl Histogram {
    pub(crate) fn add(&self, duration: Duration) {
        let nanos = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < nanos);
        if let Some(count) = self.buckets.get(bucket) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.sum.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Adds what was counted to the counts of each bucket; returns the sum.
    pub(crate) fn add_to(&self, buckets: &mut [u64; BUCKETS]) -> Duration {
        for (count, bucket) in buckets.iter_mut().zip(&self.buckets) {
            *count += bucket.load(Ordering::Relaxed);
        }
        Duration::from_nanos(self.sum.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_counts_in_the_first_bucket_that_it_does_not_exceed() {
        let histogram = Histogram::default();
        for nanos in [0, 50_000, 50_001, 1_000_000_000, 1_000_000_001] {
            histogram.add(Duration::from_nanos(nanos));
        }
        histogram.add(Duration::MAX);
        let mut buckets = [0; BUCKETS];
        histogram.add_to(&mut buckets);
        let mut expected = [0; BUCKETS];
        (expected[0], expected[1], expected[13], expected[14]) = (2, 1, 1, 2);
        assert_eq!(buckets, expected);
    }
}

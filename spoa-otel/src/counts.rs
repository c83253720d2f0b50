//! Counts spans by their outcome, and logs how many were lost.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The shortest time between two lines about lost spans.
const PAUSE: Duration = Duration::from_secs(60);

/// The reason why spans are dropped.
const FULL: &str =
    "the queue is full; raise OTEL_BSP_MAX_QUEUE_SIZE, or sample with OTEL_TRACES_SAMPLER";

/// The target of lines about an agent as a whole.
const TARGET: &str = "spoa";

/// The numbers of spans, by their outcome.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    /// The spans that wait or are being exported.
    waiting: AtomicUsize,
    exported: AtomicU64,
    failed: AtomicU64,
    dropped: AtomicU64,
    /// Why the running export loses spans, and how many, if the client knows more than the exporter.
    problem: Mutex<Option<(String, u64)>>,
    said: Mutex<Said>,
}

/// The counts that have been logged.
#[derive(Debug, Default)]
struct Said {
    failed: u64,
    dropped: u64,
    last: Option<Instant>,
    /// Whether exports fail.
    failing: bool,
    /// Why the last export failed.
    reason: Option<String>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Counts {
    /// Takes one of `limit` places for a span, and returns whether one was free. If not, counts the span as dropped.
    pub(crate) fn enter(&self, limit: usize) -> bool {
        let next = |waiting| (waiting < limit).then_some(waiting + 1);
        let entered = self
            .waiting
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, next);
        if entered.is_err() {
            self.dropped.fetch_add(1, Ordering::Relaxed);
        }
        entered.is_ok()
    }

    /// Notes why this number of spans of the running export is lost.
    pub(crate) fn problem(&self, problem: String, spans: u64) {
        *lock(&self.problem) = Some((problem, spans));
    }

    /// Notes that the running export has no problem so far.
    pub(crate) fn no_problem(&self) {
        *lock(&self.problem) = None;
    }

    /// Counts a batch whose export has ended, with the exporter's own error.
    pub(crate) fn done(&self, spans: usize, error: Option<String>) {
        self.waiting.fetch_sub(spans, Ordering::Relaxed);
        let spans = spans as u64;
        let problem = lock(&self.problem).take();
        let (problem, failed) = match (problem, error) {
            (Some((problem, _)), Some(_)) | (None, Some(problem)) => (Some(problem), spans),
            (Some((problem, lost)), None) => (Some(problem), lost.min(spans)),
            (None, None) => (None, 0),
        };
        self.exported.fetch_add(spans - failed, Ordering::Relaxed);
        self.failed.fetch_add(failed, Ordering::Relaxed);
        self.say(problem, PAUSE);
    }

    /// Logs how many spans were lost since the last line, at the end of the program.
    pub(crate) fn end(&self) {
        let left = self.waiting.swap(0, Ordering::Relaxed);
        self.failed.fetch_add(left as u64, Ordering::Relaxed);
        let problem =
            (left > 0).then(|| "the receiver did not take the last spans in time".to_owned());
        self.say(problem, Duration::ZERO);
    }

    /// Logs how many spans were lost since the last line, if that is at least `pause` ago. Logs as well when exports
    /// work again.
    fn say(&self, problem: Option<String>, pause: Duration) {
        let said = &mut *lock(&self.said);
        let (failed, dropped) = (
            self.failed.load(Ordering::Relaxed),
            self.dropped.load(Ordering::Relaxed),
        );
        if let Some(problem) = &problem {
            said.reason = Some(problem.clone());
        }
        let (new_failed, new) = (
            failed - said.failed,
            failed + dropped - said.failed - said.dropped,
        );
        if new > 0 && said.last.is_none_or(|last| last.elapsed() >= pause) {
            (said.failed, said.dropped) = (failed, dropped);
            said.last = Some(Instant::now());
            let reason = said.reason.as_deref().filter(|_| new_failed > 0);
            let reason = reason.unwrap_or(FULL);
            let spans = if new == 1 { "span was" } else { "spans were" };
            tracing::warn!(target: TARGET, failed, dropped, "traces: {new} {spans} lost: {reason}");
        }
        if problem.is_none() && said.failing {
            tracing::info!(target: TARGET, failed, dropped, "traces: exports work again");
        }
        said.failing = problem.is_some();
    }

    /// Returns the numbers by outcome.
    #[cfg(any(test, feature = "admin"))]
    pub(crate) fn by_outcome(&self) -> [(&'static str, u64); 3] {
        let counts = [
            ("exported", &self.exported),
            ("failed", &self.failed),
            ("dropped", &self.dropped),
        ];
        counts.map(|(outcome, count)| (outcome, count.load(Ordering::Relaxed)))
    }
}

/// Shows the counts in `/metrics`.
#[cfg(feature = "admin")]
pub(crate) mod metrics {
    use super::Counts;
    use spoa::admin::prometheus_client::collector::Collector;
    use spoa::admin::prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
    use spoa::admin::prometheus_client::metrics::MetricType;
    use spoa::admin::prometheus_client::metrics::counter::ConstCounter;
    use std::fmt;
    use std::sync::Arc;

    #[derive(Debug)]
    struct Collected(Arc<Counts>);

    impl Collector for Collected {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
            let (name, help) = ("spoa_otel_spans", "Spans by their outcome");
            let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for (outcome, count) in self.0.by_outcome() {
                let labels = [("outcome", outcome)];
                ConstCounter::new(count).encode(metric.encode_family(&labels)?)?;
            }
            Ok(())
        }
    }

    /// Registers the counts.
    pub(crate) fn register(counts: Arc<Counts>) {
        spoa::admin::register(|all| all.register_collector(Box::new(Collected(counts))));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_drops_and_counts() {
        let counts = Counts::default();
        let entered = [(); 5].map(|()| counts.enter(3));
        assert_eq!(entered, [true, true, true, false, false]);
        counts.done(2, None);
        assert!(counts.enter(3));
        let expected = [("exported", 2), ("failed", 0), ("dropped", 2)];
        assert_eq!(counts.by_outcome(), expected);
    }

    #[test]
    fn a_batch_fails_as_a_whole_or_in_part() {
        let counts = Counts::default();
        let batch = |spans, error: Option<&str>| {
            (0..spans).for_each(|_| assert!(counts.enter(100)));
            counts.done(spans, error.map(str::to_owned));
        };
        batch(7, Some("refused"));
        counts.problem("some were rejected".to_owned(), 2);
        batch(5, None);
        counts.problem("not OTLP".to_owned(), u64::MAX);
        batch(4, None);
        // A retry that works ends a problem.
        counts.problem("503".to_owned(), u64::MAX);
        counts.no_problem();
        batch(3, None);
        let expected = [("exported", 6), ("failed", 13), ("dropped", 0)];
        assert_eq!(counts.by_outcome(), expected);
    }

    #[test]
    fn spans_that_are_left_at_the_end_count_as_failed() {
        let counts = Counts::default();
        assert!(counts.enter(1));
        counts.end();
        assert_eq!(counts.by_outcome()[1], ("failed", 1));
        counts.end();
        assert_eq!(counts.by_outcome()[1], ("failed", 1));
    }
}

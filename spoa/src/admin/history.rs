//! The rates and durations of the last answers, for the sparklines of the page.
//!
//! Samples are taken when a client asks for the page or the metrics, so an agent without such clients
//! does not wake up for them.

use crate::agent::{Durations, Stats};
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

/// The number of samples that are kept for a message.
const KEPT: usize = 60;

/// The shortest time between two samples.
const APART: Duration = Duration::from_secs(1);

/// A message of an agent.
pub(super) type Key = (String, Option<&'static str>);

/// The samples of all messages.
#[derive(Debug, Default)]
pub(super) struct History {
    last: Option<Instant>,
    messages: HashMap<Key, Samples>,
}

/// The samples of one message.
#[derive(Debug, Default)]
pub(super) struct Samples {
    messages: u64,
    durations: Durations,
    failed: u64,
    /// Messages a second, the oldest first.
    pub(super) rates: VecDeque<f64>,
    /// The mean duration in seconds, the oldest first. It is zero without messages.
    pub(super) means: VecDeque<f64>,
    /// The failures of the handler, the oldest first. Rejected messages are not among them.
    pub(super) failures: VecDeque<u64>,
}

impl History {
    /// Takes a sample, unless the last one is too recent.
    pub(super) fn take(&mut self, all: &[Stats], now: Instant) {
        let since = self.last.map(|last| now.saturating_duration_since(last));
        if since.is_some_and(|since| since < APART) {
            return;
        }
        self.last = Some(now);
        for stats in all {
            for message in &stats.messages {
                let key = (stats.agent.clone(), message.message);
                let samples = self.messages.entry(key).or_default();
                let count = message.handled + message.failed();
                let failed = message.failed() - message.rejected;
                if let Some(since) = since {
                    let more = count.saturating_sub(samples.messages);
                    push(&mut samples.rates, more as f64 / since.as_secs_f64());
                    let timed = message.durations.count() - samples.durations.count();
                    let took = message.durations.sum() - samples.durations.sum();
                    let mean = took.as_secs_f64() / timed.max(1) as f64;
                    push(&mut samples.means, mean);
                    push(&mut samples.failures, failed.saturating_sub(samples.failed));
                }
                samples.messages = count;
                samples.failed = failed;
                samples.durations = message.durations;
            }
        }
    }

    pub(super) fn of(&self, key: &Key) -> Option<&Samples> {
        self.messages.get(key)
    }
}

fn push<T>(samples: &mut VecDeque<T>, sample: T) {
    if samples.len() == KEPT {
        samples.pop_front();
    }
    samples.push_back(sample);
}

//! The counters of an agent at one moment, read from `/stats.json`.

use serde_json::Value;
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Sample {
    pub(super) at: Instant,
    pub(super) agents: Vec<AgentFigures>,
}

#[derive(Debug, Default)]
pub(super) struct AgentFigures {
    pub(super) name: String,
    pub(super) phase: String,
    pub(super) connections_open: u64,
    pub(super) notifies: u64,
    pub(super) received_bytes: u64,
    pub(super) sent_bytes: u64,
    pub(super) messages: Vec<MessageFigures>,
    /// Counters that are 0 while all is well, with their names.
    pub(super) problems: Vec<(String, u64)>,
}

#[derive(Debug, Default)]
pub(super) struct MessageFigures {
    /// `None` for the handler of all other messages.
    pub(super) name: Option<String>,
    pub(super) handled: u64,
    /// The failures by kind.
    pub(super) failures: Vec<(&'static str, u64)>,
    pub(super) left_out: u64,
    pub(super) in_flight: u64,
    pub(super) durations: Durations,
}

/// A histogram of durations.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Durations {
    pub(super) sum: f64,
    /// An upper bound in seconds, and the count of the durations up to it and above the bound before.
    pub(super) buckets: Vec<(Option<f64>, u64)>,
}

/// The kinds of failure: their keys, and their names on the screen.
const FAILURES: [(&str, &str); 5] = [
    ("error", "errors"),
    ("panic", "panics"),
    ("late", "late"),
    ("overloaded", "overloaded"),
    ("rejected", "rejected"),
];

/// The counters of an agent that are 0 while all is well.
const PROBLEMS: [(&str, &str); 4] = [
    ("unknown_messages", "unknown messages"),
    ("unreadable_notifies", "unreadable NOTIFYs"),
    ("actions_cut", "actions cut from ACKs"),
    ("worker_stalls", "workers blocked"),
];

/// Groups of such counters.
const GROUPS: [(&str, &str); 3] = [
    ("connections_refused", "connections refused"),
    ("connections_failed", "connections failed"),
    ("limits_reached", "limit reached"),
];

impl Sample {
    pub(super) fn read(stats: &Value, at: Instant) -> Self {
        let agents = stats.get("agents").and_then(Value::as_array);
        Sample {
            at,
            agents: agents
                .into_iter()
                .flatten()
                .map(AgentFigures::read)
                .collect(),
        }
    }
}

impl AgentFigures {
    fn read(agent: &Value) -> Self {
        let text = |key| {
            let text = agent.get(key).and_then(Value::as_str);
            text.unwrap_or_default().to_owned()
        };
        let single = PROBLEMS
            .iter()
            .map(|(key, name)| ((*name).to_owned(), number(agent, key)));
        let grouped = GROUPS.iter().flat_map(|(key, name)| {
            let group = agent.get(key).and_then(Value::as_object);
            let counts = group.into_iter().flatten();
            counts.map(move |(kind, count)| {
                let kind = kind.replace('_', " ");
                (
                    format!("{name} ({kind})"),
                    count.as_u64().unwrap_or_default(),
                )
            })
        });
        let reloads = agent
            .get("reloads")
            .map_or(0, |reloads| number(reloads, "error"));
        let reloads = [("reloads failed".to_owned(), reloads)];
        let messages = agent.get("messages").and_then(Value::as_array);
        AgentFigures {
            name: text("agent"),
            phase: text("phase"),
            connections_open: number(agent, "connections_open"),
            notifies: number(agent, "notifies"),
            received_bytes: number(agent, "received_bytes"),
            sent_bytes: number(agent, "sent_bytes"),
            messages: messages
                .into_iter()
                .flatten()
                .map(MessageFigures::read)
                .collect(),
            problems: single.chain(grouped).chain(reloads).collect(),
        }
    }
}

impl MessageFigures {
    fn read(message: &Value) -> Self {
        let name = message.get("message").and_then(Value::as_str);
        MessageFigures {
            name: name.map(str::to_owned),
            handled: number(message, "ok"),
            failures: FAILURES
                .map(|(key, name)| (name, number(message, key)))
                .to_vec(),
            left_out: number(message, "actions_left_out"),
            in_flight: number(message, "in_flight"),
            durations: message
                .get("duration_seconds")
                .map(Durations::read)
                .unwrap_or_default(),
        }
    }

    pub(super) fn failed(&self) -> u64 {
        self.failures.iter().map(|(_, count)| count).sum()
    }
}

impl Durations {
    fn read(durations: &Value) -> Self {
        let buckets = durations.get("buckets").and_then(Value::as_array);
        let buckets = buckets.into_iter().flatten().map(|bucket| {
            let bound = bucket.get("at_most_seconds").and_then(Value::as_f64);
            (bound, number(bucket, "count"))
        });
        Durations {
            sum: durations
                .get("sum")
                .and_then(Value::as_f64)
                .unwrap_or_default(),
            buckets: buckets.collect(),
        }
    }

    /// Returns the durations since an earlier moment.
    pub(super) fn since(&self, before: &Durations) -> Self {
        let pairs = self.buckets.iter().zip(&before.buckets);
        Durations {
            sum: self.sum - before.sum,
            buckets: pairs
                .map(|((bound, now), (_, then))| (*bound, now.saturating_sub(*then)))
                .collect(),
        }
    }

    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().map(|(_, count)| count).sum()
    }

    pub(super) fn mean(&self) -> Option<Duration> {
        let count = self.count();
        let mean = self.sum / count as f64;
        (count > 0).then(|| Duration::try_from_secs_f64(mean).ok())?
    }

    /// Returns the bound that this share of the durations does not exceed; `Err` is the largest bound, which
    /// they do exceed.
    pub(super) fn quantile(&self, share: f64) -> Option<Result<Duration, Duration>> {
        let wanted = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let (mut seen, mut largest) = (0, 0.0);
        for (bound, count) in &self.buckets {
            seen += count;
            let bound = match bound {
                Some(bound) => *bound,
                None if *count > 0 && seen >= wanted => {
                    return Duration::try_from_secs_f64(largest).ok().map(Err);
                }
                None => return None,
            };
            if seen >= wanted {
                return Duration::try_from_secs_f64(bound).ok().map(Ok);
            }
            largest = bound;
        }
        None
    }
}

fn number(object: &Value, key: &str) -> u64 {
    object.get(key).and_then(Value::as_u64).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn durations(counts: [u64; 3]) -> Durations {
        let [a, b, c] = counts;
        Durations {
            sum: 0.010,
            buckets: vec![(Some(0.001), a), (Some(0.01), b), (None, c)],
        }
    }

    #[test]
    fn quantiles_are_the_bounds_of_buckets() {
        let ms = Duration::from_millis;
        let half = |counts| durations(counts).quantile(0.5);
        assert_eq!(half([2, 1, 0]), Some(Ok(ms(1))));
        assert_eq!(half([1, 2, 0]), Some(Ok(ms(10))));
        assert_eq!(half([1, 0, 2]), Some(Err(ms(10))));
        assert_eq!(half([0, 0, 0]), None);
        assert_eq!(
            durations([4, 0, 0]).mean(),
            Some(Duration::from_micros(2500))
        );
        let since = durations([5, 7, 1]).since(&durations([5, 3, 1]));
        assert_eq!((since.count(), since.quantile(0.01)), (4, Some(Ok(ms(10)))));
    }
}

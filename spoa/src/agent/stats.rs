//! The numbers that an agent has counted, as plain data.

use super::counters::HandlerCounters;
use super::counters::histogram::{BOUNDS, BUCKETS};
use super::phase::Phase;
use super::shared::Shared;
use super::shared::handler_table::HandlerEntry;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Reads the numbers that an agent counts, also while it serves. It is cheap to clone.
///
/// Each number is exact, but they are read one after the other while the agent counts on.
///
/// ```
/// use spoa::prelude::*;
/// use spoa::agent::Agent;
///
/// #[spoe_message("ping")]
/// fn ping() {}
///
/// let agent = Agent::builder().handlers(handlers![ping]).build()?;
/// let monitor = agent.monitor();
/// // While `agent.serve(…)` runs:
/// assert_eq!(monitor.stats().notifies, 0);
/// # Ok::<(), spoa::agent::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    shared: Arc<Shared>,
}

/// The numbers that an agent has counted since it was built.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Stats {
    /// The agent's name.
    pub agent: String,
    /// The phase of its life.
    pub phase: Phase,
    /// Its messages by name, the fallback last.
    pub messages: Vec<MessageStats>,
    /// Messages that no handler answers.
    pub unknown_messages: u64,
    /// NOTIFYs that were received, without those that could not be read.
    pub notifies: u64,
    /// NOTIFYs that could not be read, and were answered without actions.
    pub unreadable_notifies: u64,
    /// ACKs to NOTIFYs that could be read.
    pub acks: u64,
    /// Actions that were cut from an ACK which was too large for HAProxy.
    pub actions_cut: u64,
    /// Bytes that were received.
    pub received_bytes: u64,
    /// Bytes that were sent, or are waiting to be.
    pub sent_bytes: u64,
    /// Connections that are open. With TLS they count from the end of the handshake.
    pub connections_open: u64,
    /// Connections that were accepted.
    pub connections: u64,
    /// Connections that were refused because as many were open as are allowed.
    pub connections_refused_full: u64,
    /// Connections that were refused because of their address.
    pub connections_refused_not_allowed: u64,
    /// Failed attempts to accept a connection, for example without a free file descriptor.
    pub accept_errors: u64,
    /// Connections that the peer broke inside a frame, or while an answer was outstanding.
    pub connections_broken: u64,
    /// Connections that were closed because the peer was late with a HELLO, a frame, or reading.
    pub connections_timed_out: u64,
    /// Connections that were refused because of the bytes they sent.
    pub protocol_errors: u64,
    /// Messages that were not handled because of a limit, by its name.
    pub limits_reached: Vec<(&'static str, u64)>,
    /// Bytes that all connections keep, beyond what each of them may keep in any case.
    pub buffered_bytes: u64,
    /// Blocking handlers that are running.
    pub blocking_running: u64,
    /// Blocking handlers that wait for others to end.
    pub blocking_waiting: u64,
    /// Futures that [`After`](crate::After) ran to their end.
    pub after_work_done: u64,
    /// Futures of [`After`](crate::After) that panicked.
    pub after_work_panicked: u64,
    /// Futures of [`After`](crate::After) that were dropped: because [`Limits::max_after_work`](super::Limits::max_after_work)
    /// were kept, or because the agent stopped.
    pub after_work_dropped: u64,
    /// Futures of [`After`](crate::After) that wait for their ACK or are running.
    pub after_work_kept: u64,
    /// Values that [`Transaction`](crate::Transaction) keeps.
    pub transactions_kept: u64,
    /// The bytes of these values, as far as they are known.
    pub transaction_bytes: u64,
    /// Values that were dropped after [`Limits::transaction_timeout`](super::Limits::transaction_timeout).
    pub transactions_expired: u64,
    /// Values that made room for others, or were too large.
    pub transactions_evicted: u64,
    /// Times that a handler kept its worker thread from other connections for long.
    pub workers_blocked: u64,
    /// Reloads that succeeded.
    pub reloads: u64,
    /// Reloads that failed.
    pub reloads_failed: u64,
    /// Reloadable values whose last reload failed, so that the old ones are still in use.
    pub stale_values: u64,
    /// When the certificate expires, or the first certificate of its chain; `None` if the agent does not take TLS.
    pub certificate_expires: Option<SystemTime>,
    /// When the states were made last: when the agent was built, or reloaded with success.
    pub loaded: SystemTime,
}

/// The numbers of one handler.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessageStats {
    /// The message, or `None` for the fallback.
    pub message: Option<&'static str>,
    /// Messages that were handled.
    pub handled: u64,
    /// Messages that were rejected because of an argument.
    pub rejected: u64,
    /// The rejected messages by the name of the argument. Those of arguments without a name count only in
    /// [`rejected`](Self::rejected).
    pub rejected_by: Vec<(&'static str, u64)>,
    /// Messages whose handler returned an error, or named a variable that HAProxy does not take.
    pub errors: u64,
    /// Messages whose handler panicked.
    pub panicked: u64,
    /// Messages whose handler was not done in time.
    pub late: u64,
    /// Messages that were refused because too many were running.
    pub overloaded: u64,
    /// Actions that did not fit into the ACK.
    pub actions_left_out: u64,
    /// Messages whose handler is waiting.
    pub running: u64,
    /// How long the handler took.
    pub durations: Durations,
}

impl MessageStats {
    /// Returns how many messages were not handled, for any reason.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.rejected + self.errors + self.panicked + self.late + self.overloaded
    }
}

/// How long a handler took, as a histogram.
///
/// A handler that had to wait is always timed. Of the others, those of the first NOTIFY of one read in eight
/// are, and so [`count`](Self::count) is less than the number of messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Durations {
    buckets: [u64; BUCKETS],
    sum: Duration,
}

impl Durations {
    /// Returns the buckets: an upper bound, and how many handlers took at most that and more than the bound
    /// before. The last has no bound.
    pub fn buckets(&self) -> impl Iterator<Item = (Option<Duration>, u64)> + '_ {
        let bounds = BOUNDS
            .iter()
            .map(|bound| Some(Duration::from_nanos(*bound)));
        bounds.chain([None]).zip(self.buckets)
    }

    /// Returns how many were timed.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }

    /// Returns the sum of all durations.
    #[must_use]
    pub fn sum(&self) -> Duration {
        self.sum
    }

    /// Returns the bound that this share of the durations does not exceed, from 0 to 1. It is `None` without
    /// durations, and in the bucket without a bound.
    ///
    /// ```
    /// let median = spoa::agent::Durations::default().quantile(0.5);
    /// assert_eq!(median, None);
    /// ```
    #[must_use]
    pub fn quantile(&self, share: f64) -> Option<Duration> {
        let rank = (self.count() as f64 * share).ceil().max(1.0) as u64;
        let mut before = 0;
        let mut buckets = self.buckets();
        let (bound, _) = buckets.find(|(_, count)| {
            before += count;
            before >= rank
        })?;
        bound
    }
}

impl Monitor {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Monitor { shared }
    }

    /// Waits until no work of [`After`](crate::After) is left: none waits for its ACK, and none is running.
    ///
    /// ```
    /// use spoa::After;
    /// use spoa::agent::Agent;
    /// use spoa::prelude::*;
    ///
    /// #[spoe_message("log")]
    /// fn log(after: After<'_>) {
    ///     after.run(async { println!("answered") });
    /// }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), spoa::agent::Error> {
    /// let agent = Agent::builder().handlers(handlers![log]).build()?;
    /// // After `agent.serve_connection(…)`:
    /// agent.monitor().after_work_done().await;
    /// # Ok(())
    /// # }
    /// ```
    pub async fn after_work_done(&self) {
        self.shared.after_work.all_done().await;
    }

    /// Returns the numbers that the agent has counted until now.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let shared = &self.shared;
        let counters = &shared.counters;
        let traffic = |get: fn(&super::counters::Traffic) -> u64| -> u64 {
            counters.traffic.all().map(get).sum()
        };
        // Closed before accepted, so that no connection is closed that was not accepted.
        let closed = counters.closed.get();
        let accepted = counters.accepted.get();
        let overloads = &counters.overloads;
        let after_work = &shared.after_work;
        let transactions = shared.info.transactions.counts();
        Stats {
            agent: shared.info.name.to_string(),
            phase: counters.phase(),
            messages: shared.table.entries().map(message).collect(),
            unknown_messages: counters.unknown.get(),
            notifies: traffic(|it| it.notifies.get()),
            unreadable_notifies: counters.unreadable.get(),
            acks: traffic(|it| it.acks.get()),
            actions_cut: counters.cut.get(),
            received_bytes: traffic(|it| it.received.get()),
            sent_bytes: traffic(|it| it.sent.get()),
            connections_open: accepted.saturating_sub(closed),
            connections: accepted,
            connections_refused_full: counters.refused_full.get(),
            connections_refused_not_allowed: counters.refused_not_allowed.get(),
            accept_errors: counters.accept_failed.get(),
            connections_broken: counters.broken.get(),
            connections_timed_out: counters.timed_out.get(),
            protocol_errors: counters.protocol_errors.get(),
            limits_reached: vec![
                ("max_in_flight", overloads.connection.get()),
                ("max_in_flight_total", overloads.total.get()),
                ("max_buffered_total", overloads.bytes.get()),
                ("max_blocking_queue", overloads.blocking.get()),
                ("messages_of_a_notify", overloads.notify.get()),
                ("deadline", overloads.deadline.get()),
            ],
            buffered_bytes: shared.budgets.buffered.taken() as u64,
            blocking_running: shared.blocking.running() as u64,
            blocking_waiting: shared.blocking.waiting() as u64,
            after_work_done: after_work.done.get(),
            after_work_panicked: after_work.panicked.get(),
            after_work_dropped: after_work.dropped.get(),
            after_work_kept: after_work.held() as u64,
            transactions_kept: transactions.kept as u64,
            transaction_bytes: transactions.bytes as u64,
            transactions_expired: transactions.expired,
            transactions_evicted: transactions.evicted,
            workers_blocked: counters.workers_blocked.get(),
            reloads: counters.reloaded.get(),
            reloads_failed: counters.reloads_failed.get(),
            stale_values: counters.stale_values(),
            certificate_expires: counters.certificate_expires(),
            loaded: counters.loaded(),
        }
    }
}

fn message(entry: &HandlerEntry) -> MessageStats {
    let counters: &HandlerCounters = &entry.counters;
    let mut durations = Durations::default();
    let mut handled = 0;
    for messages in counters.messages.all() {
        handled += messages.handled.get();
        durations.sum += messages.durations.add_to(&mut durations.buckets);
    }
    let rejected_by = counters.rejected_arguments.iter();
    MessageStats {
        message: entry.definition.message_name(),
        handled,
        rejected: counters.rejected.get(),
        rejected_by: rejected_by
            .map(|(name, count)| (*name, count.get()))
            .collect(),
        errors: counters.errors.get(),
        panicked: counters.panicked.get(),
        late: counters.late.get(),
        overloaded: counters.overloaded.get(),
        actions_left_out: counters.left_out.get(),
        running: entry.admission.running() as u64,
        durations,
    }
}

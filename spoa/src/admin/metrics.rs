//! The counters as OpenMetrics or Prometheus text, and the program's own metrics after them.

use super::process::Process;
use crate::agent::{Durations, MessageStats, Stats};
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{
    DescriptorEncoder, MetricEncoder, NoLabelSet, prometheus_text, text,
};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::{Registry, Unit};
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::UNIX_EPOCH;

/// A format of metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// OpenMetrics, for clients that ask for it, as Prometheus does.
    OpenMetrics,
    /// The older text format of Prometheus.
    Prometheus,
}

impl Format {
    /// Returns the format that a header `Accept` asks for.
    pub(super) fn asked_for(accept: &str) -> Self {
        if accept.contains("application/openmetrics-text") {
            Format::OpenMetrics
        } else {
            Format::Prometheus
        }
    }

    pub(super) fn media_type(self) -> &'static str {
        match self {
            Format::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
            Format::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
        }
    }
}

/// The program's own metrics.
static OWN: Mutex<Option<Registry>> = Mutex::new(None);

/// Adds metrics of the program's own to those of its agents: `/metrics` shows them all.
///
/// The label values of a metric must come from a small set: a label with a client's address or path makes a
/// time series for each.
///
/// ```
/// use spoa::admin::prometheus_client::metrics::counter::Counter;
///
/// let lookups = Counter::<u64>::default();
/// spoa::admin::register(|registry| {
///     registry.register("reputation_lookups", "Addresses that were looked up", lookups.clone());
/// });
/// lookups.inc();
/// ```
pub fn register(add: impl FnOnce(&mut Registry)) {
    let mut own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    add(own.get_or_insert_default());
}

/// Writes all metrics.
pub(super) fn write(all: Vec<Stats>, format: Format) -> Result<String, fmt::Error> {
    let mut out = String::new();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(Snapshot { all }));
    let own = OWN.lock().unwrap_or_else(PoisonError::into_inner);
    for registry in [Some(&registry), own.as_ref()].into_iter().flatten() {
        match format {
            Format::OpenMetrics => text::encode_registry(&mut out, registry)?,
            Format::Prometheus => prometheus_text::encode(&mut out, registry)?,
        }
    }
    if format == Format::OpenMetrics {
        text::encode_eof(&mut out)?;
    }
    Ok(out)
}

/// The numbers of all agents of the process at one moment.
#[derive(Debug)]
struct Snapshot {
    all: Vec<Stats>,
}

impl Collector for Snapshot {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut out = Output {
            encoder: &mut encoder,
            all: &self.all,
        };
        out.messages()?;
        out.traffic()?;
        out.connections()?;
        out.life()?;
        process(&mut encoder)
    }
}

/// Writes the metrics of agents.
struct Output<'o, 'e> {
    encoder: &'o mut DescriptorEncoder<'e>,
    all: &'o [Stats],
}

type Label<'l> = (&'l str, &'l str);

impl Output<'_, '_> {
    fn begin(
        &mut self,
        name: &'static str,
        help: &str,
        unit: Option<&'static Unit>,
        kind: MetricType,
    ) -> Result<MetricEncoder<'_>, fmt::Error> {
        self.encoder.encode_descriptor(name, help, unit, kind)
    }

    /// A counter of each agent.
    fn count(&mut self, name: &'static str, help: &str, get: fn(&Stats) -> u64) -> fmt::Result {
        let all = self.all;
        let mut metric = self.begin(name, help, None, MetricType::Counter)?;
        all.iter()
            .try_for_each(|stats| counter(&mut metric, &[("agent", &stats.agent)], get(stats)))
    }

    /// A gauge of each agent.
    fn gauge(&mut self, name: &'static str, help: &str, get: fn(&Stats) -> u64) -> fmt::Result {
        let all = self.all;
        let mut metric = self.begin(name, help, None, MetricType::Gauge)?;
        all.iter()
            .try_for_each(|stats| gauge(&mut metric, &[("agent", &stats.agent)], get(stats)))
    }

    /// A counter of each agent for each value of a label.
    fn counts<const N: usize>(
        &mut self,
        name: &'static str,
        help: &str,
        label: &str,
        get: fn(&Stats) -> [(&'static str, u64); N],
    ) -> fmt::Result {
        let all = self.all;
        let mut metric = self.begin(name, help, None, MetricType::Counter)?;
        for stats in all {
            for (value, count) in get(stats) {
                counter(
                    &mut metric,
                    &[("agent", &stats.agent), (label, value)],
                    count,
                )?;
            }
        }
        Ok(())
    }

    fn messages(&mut self) -> fmt::Result {
        let all = self.all;
        let help = "Messages by what became of them";
        let mut metric = self.begin("spoa_messages", help, None, MetricType::Counter)?;
        for (stats, message) in messages(all) {
            for (outcome, count) in outcomes(message) {
                let labels = [
                    ("agent", stats.agent.as_str()),
                    ("message", name(message)),
                    ("outcome", outcome),
                ];
                counter(&mut metric, &labels, count)?;
            }
        }
        self.count(
            "spoa_unknown_messages",
            "Messages that no handler answers",
            |stats| stats.unknown_messages,
        )?;
        let help = "Messages that were rejected because of this argument";
        let mut metric = self.begin("spoa_rejections", help, None, MetricType::Counter)?;
        for (stats, message) in messages(all) {
            for (argument, count) in &message.rejected_by {
                let labels = [
                    ("agent", stats.agent.as_str()),
                    ("message", name(message)),
                    ("argument", argument),
                ];
                counter(&mut metric, &labels, *count)?;
            }
        }
        let help = "Messages whose handler is waiting";
        let mut metric = self.begin("spoa_messages_in_flight", help, None, MetricType::Gauge)?;
        for (stats, message) in messages(all) {
            gauge(&mut metric, &of_message(stats, message), message.running)?;
        }
        let help = "How long handlers took; of those that did not wait, a sample is timed";
        let unit = Some(&Unit::Seconds);
        let kind = MetricType::Histogram;
        let mut metric = self.begin("spoa_message_duration", help, unit, kind)?;
        let mut buckets = Vec::new();
        for (stats, message) in messages(all) {
            let labels = of_message(stats, message);
            histogram(&mut metric, &labels, &message.durations, &mut buckets)?;
        }
        let help = "Actions that were left out of an ACK because they did not fit";
        let mut metric = self.begin("spoa_actions_left_out", help, None, MetricType::Counter)?;
        for (stats, message) in messages(all) {
            counter(
                &mut metric,
                &of_message(stats, message),
                message.actions_left_out,
            )?;
        }
        Ok(())
    }

    fn traffic(&mut self) -> fmt::Result {
        self.count("spoa_notifies", "NOTIFYs that were read", |it| it.notifies)?;
        self.count(
            "spoa_unreadable_notifies",
            "NOTIFYs that could not be read, and were answered without actions",
            |it| it.unreadable_notifies,
        )?;
        self.count("spoa_acks", "ACKs to NOTIFYs that were read", |it| it.acks)?;
        self.count(
            "spoa_actions_cut",
            "Actions that were cut from an ACK which was too large",
            |it| it.actions_cut,
        )?;
        self.count("spoa_received_bytes", "Bytes received", |it| {
            it.received_bytes
        })?;
        self.count("spoa_sent_bytes", "Bytes sent", |it| it.sent_bytes)
    }

    fn connections(&mut self) -> fmt::Result {
        self.gauge("spoa_connections_open", "Connections that are open", |it| {
            it.connections_open
        })?;
        self.count("spoa_connections", "Connections accepted", |it| {
            it.connections
        })?;
        self.counts(
            "spoa_connections_refused",
            "Connections that were not accepted",
            "reason",
            |it| {
                [
                    ("max_connections", it.connections_refused_full),
                    ("not_allowed", it.connections_refused_not_allowed),
                    ("accept_error", it.accept_errors),
                ]
            },
        )?;
        self.counts(
            "spoa_connections_failed",
            "Connections that ended without a graceful close",
            "reason",
            |it| {
                [
                    ("broken", it.connections_broken),
                    ("timeout", it.connections_timed_out),
                    ("protocol_error", it.protocol_errors),
                ]
            },
        )
    }

    fn life(&mut self) -> fmt::Result {
        let all = self.all;
        let help = "Messages that were refused at a limit";
        let mut metric = self.begin("spoa_limits_reached", help, None, MetricType::Counter)?;
        for stats in all {
            for (limit, count) in &stats.limits_reached {
                counter(
                    &mut metric,
                    &[("agent", &stats.agent), ("limit", limit)],
                    *count,
                )?;
            }
        }
        self.gauge(
            "spoa_buffered_bytes",
            "Bytes that connections keep beyond their own share",
            |it| it.buffered_bytes,
        )?;
        self.gauge(
            "spoa_blocking_in_flight",
            "Blocking handlers that are running",
            |it| it.blocking_running,
        )?;
        self.gauge(
            "spoa_blocking_waiting",
            "Blocking handlers that wait for others to end",
            |it| it.blocking_waiting,
        )?;
        self.counts(
            "spoa_after_work",
            "Work for the time after an answer, by its outcome",
            "outcome",
            |it| {
                [
                    ("ok", it.after_work_done),
                    ("panic", it.after_work_panicked),
                    ("dropped", it.after_work_dropped),
                ]
            },
        )?;
        self.gauge(
            "spoa_after_work_in_flight",
            "Work for the time after an answer that waits or is running",
            |it| it.after_work_kept,
        )?;
        self.gauge(
            "spoa_transactions_kept",
            "Values kept from one message of a request to the next",
            |it| it.transactions_kept,
        )?;
        self.gauge("spoa_transaction_bytes", "Bytes of these values", |it| {
            it.transaction_bytes
        })?;
        self.counts(
            "spoa_transactions_dropped",
            "Values that no message took before they were dropped",
            "reason",
            |it| {
                [
                    ("timeout", it.transactions_expired),
                    ("limit", it.transactions_evicted),
                ]
            },
        )?;
        self.count(
            "spoa_worker_stalls",
            "Times that a handler kept its worker thread from other connections",
            |it| it.workers_blocked,
        )?;
        self.counts("spoa_reloads", "Reloads of the states", "result", |it| {
            [("ok", it.reloads), ("error", it.reloads_failed)]
        })?;
        self.gauge(
            "spoa_stale_values",
            "Reloadable values whose last reload failed, so that the old ones are in use",
            |it| it.stale_values,
        )?;
        let help = "When the states were made last";
        let name = "spoa_last_reload_success_timestamp";
        let mut metric = self.begin(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
        for stats in all {
            let since = stats.loaded.duration_since(UNIX_EPOCH).unwrap_or_default();
            gauge(&mut metric, &[("agent", &stats.agent)], since.as_secs_f64())?;
        }
        if all.iter().any(|stats| stats.certificate_expires.is_some()) {
            let help = "When the certificate for TLS expires";
            let name = "spoa_certificate_expiry_timestamp";
            let mut metric = self.begin(name, help, Some(&Unit::Seconds), MetricType::Gauge)?;
            for stats in all {
                if let Some(expires) = stats.certificate_expires {
                    let since = expires.duration_since(UNIX_EPOCH).unwrap_or_default();
                    gauge(&mut metric, &[("agent", &stats.agent)], since.as_secs_f64())?;
                }
            }
        }
        self.gauge(
            "spoa_ready",
            "Whether the agent serves: 0 while it starts, in lame duck and while it drains",
            |it| u64::from(it.phase == crate::agent::Phase::Serving),
        )?;
        let help = "The version of the library";
        let mut metric = self.begin("spoa_build_info", help, None, MetricType::Gauge)?;
        for stats in all {
            let labels = [
                ("agent", stats.agent.as_str()),
                ("spoa_version", env!("CARGO_PKG_VERSION")),
            ];
            gauge(&mut metric, &labels, 1)?;
        }
        Ok(())
    }
}

/// All messages of all agents.
fn messages(all: &[Stats]) -> impl Iterator<Item = (&Stats, &MessageStats)> {
    all.iter()
        .flat_map(|stats| stats.messages.iter().map(move |message| (stats, message)))
}

/// The label of a message. A fallback answers messages of any name, which only a peer knows.
pub(super) fn name(message: &MessageStats) -> &'static str {
    message.message.unwrap_or_default()
}

fn of_message<'l>(stats: &'l Stats, message: &'l MessageStats) -> [Label<'l>; 2] {
    [("agent", &stats.agent), ("message", name(message))]
}

fn outcomes(message: &MessageStats) -> [(&'static str, u64); 6] {
    [
        ("ok", message.handled),
        ("error", message.errors),
        ("panic", message.panicked),
        ("late", message.late),
        ("overloaded", message.overloaded),
        ("rejected", message.rejected),
    ]
}

fn counter<const N: usize>(
    metric: &mut MetricEncoder<'_>,
    labels: &[Label<'_>; N],
    count: u64,
) -> fmt::Result {
    let mut metric = metric.encode_family(labels)?;
    metric.encode_counter::<NoLabelSet, u64, u64>(&count, None)
}

fn gauge<const N: usize>(
    metric: &mut MetricEncoder<'_>,
    labels: &[Label<'_>; N],
    value: impl prometheus_client::encoding::EncodeGaugeValue,
) -> fmt::Result {
    metric.encode_family(labels)?.encode_gauge(&value)
}

fn histogram<const N: usize>(
    metric: &mut MetricEncoder<'_>,
    labels: &[Label<'_>; N],
    durations: &Durations,
    buckets: &mut Vec<(f64, u64)>,
) -> fmt::Result {
    buckets.clear();
    let bounds = durations.buckets();
    buckets.extend(bounds.map(|(bound, count)| {
        let bound = bound.map_or(f64::INFINITY, |bound| bound.as_secs_f64());
        (bound, count)
    }));
    let sum = durations.sum().as_secs_f64();
    let mut metric = metric.encode_family(labels)?;
    metric.encode_histogram::<NoLabelSet>(sum, durations.count(), buckets, None)
}

/// Writes the figures of the process.
fn process(encoder: &mut DescriptorEncoder<'_>) -> fmt::Result {
    let Some(process) = Process::read() else {
        return Ok(());
    };
    let seconds = Some(&Unit::Seconds);
    let help = "CPU time in user and system mode";
    encoder
        .encode_descriptor("process_cpu", help, seconds, MetricType::Counter)?
        .encode_counter::<NoLabelSet, f64, u64>(&process.cpu_seconds, None)?;
    let help = "When the process started";
    encoder
        .encode_descriptor("process_start_time", help, seconds, MetricType::Gauge)?
        .encode_gauge(&process.start_seconds)?;
    let help = "Memory in use";
    encoder
        .encode_descriptor(
            "process_resident_memory",
            help,
            Some(&Unit::Bytes),
            MetricType::Gauge,
        )?
        .encode_gauge(&process.resident_bytes)?;
    let help = "Open file descriptors";
    encoder
        .encode_descriptor("process_open_fds", help, None, MetricType::Gauge)?
        .encode_gauge(&process.open_fds)?;
    let help = "The most file descriptors that may be open";
    encoder
        .encode_descriptor("process_max_fds", help, None, MetricType::Gauge)?
        .encode_gauge(&process.max_fds)
}

//! The report of a run, for people and for programs.

use super::plan::Plan;
use super::tally::{Faults, Tally};
use crate::process::{Memory, Spent};
use serde_json::{Map, Value, json};
use spoa::client::Negotiated;
use spoa::spop::Capabilities;
use spoa_tools::terminal::Paint;
use std::fmt::Write;
use std::io::stdout;
use std::sync::Arc;

/// The quantiles that are shown, with their names.
const QUANTILES: [(&str, f64); 6] = [
    ("p50", 0.5),
    ("p75", 0.75),
    ("p90", 0.9),
    ("p99", 0.99),
    ("p99.9", 0.999),
    ("p99.99", 0.9999),
];

/// The share of a CPU from which the generator itself may limit the figures.
const BUSY: f64 = 0.95;

/// The result of a run.
#[derive(Debug)]
pub(super) struct Report {
    pub(super) plan: Arc<Plan>,
    pub(super) agreed: Negotiated,
    /// The measured time.
    pub(super) seconds: f64,
    pub(super) tally: Tally,
    /// NOTIFYs of the open loop that were due and not sent.
    pub(super) unsent: u64,
    /// Connections that lived to the end.
    pub(super) alive: usize,
    /// Whether Ctrl-C ended the run.
    pub(super) interrupted: bool,
    /// CPU time of this program.
    pub(super) generator: Option<Spent>,
    pub(super) usage: Option<Usage>,
}

/// The CPU time and memory of the agent's process.
#[derive(Debug)]
pub(super) struct Usage {
    pub(super) pid: u32,
    pub(super) cpu: Option<Spent>,
    pub(super) memory: Option<Memory>,
}

impl Report {
    /// Whether something was measured, every ACK came once, said what was expected, and no connection
    /// was lost.
    pub(super) fn is_good(&self) -> bool {
        self.tally.faults.total() == 0 && (self.plan.idle || self.tally.acked > 0)
    }

    /// Reasons why the figures mean less than they seem to.
    fn warnings(&self) -> Vec<String> {
        let Tally { acked, actions, .. } = self.tally;
        let mut warnings = Vec::new();
        if self.interrupted {
            warnings.push(if self.seconds > 0.0 {
                format!("interrupted after {:.1} s of measuring", self.seconds)
            } else {
                "interrupted before the measured time began".to_owned()
            });
        }
        if self.plan.idle {
            return warnings;
        }
        if acked == 0 && !self.interrupted {
            warnings.push(
                "nothing was answered in the measured time: try a longer `--duration`".to_owned(),
            );
        }
        if acked > 0 && actions == 0 {
            warnings.push(format!(
                "no ACK had an action: does the agent answer `{}`, and take NOTIFYs of {} bytes?",
                self.plan.messages.join("`, `"),
                self.plan.payload.len()
            ));
        }
        if acked > 0 && self.tally.latency.is_empty() {
            warnings.push(
                "no latency: all NOTIFYs answered in the measured time were sent in the warm-up"
                    .to_owned(),
            );
        }
        warnings
    }

    fn per_second(&self) -> f64 {
        if self.seconds > 0.0 {
            self.tally.acked as f64 / self.seconds
        } else {
            0.0
        }
    }

    fn actions_per_ack(&self) -> f64 {
        self.tally.actions as f64 / self.tally.acked.max(1) as f64
    }

    /// Microseconds of CPU time for each NOTIFY.
    fn per_notify(&self, spent: std::time::Duration) -> f64 {
        spent.as_secs_f64() * 1e6 / self.tally.acked.max(1) as f64
    }

    /// Returns the share of one CPU.
    fn share(&self, spent: &Spent) -> f64 {
        if self.seconds > 0.0 {
            spent.total.as_secs_f64() / self.seconds
        } else {
            0.0
        }
    }

    pub(super) fn text(&self) -> String {
        let paint = Paint::of(&stdout());
        let mut out = String::new();
        let mut line = |name: &str, what: &str| {
            // Padded before it is painted: colours have no width.
            let name = paint.dim(&format!("{name:<12}"));
            let _ = writeln!(out, "{name} {what}");
        };
        let plan = &self.plan;
        line("agent", &self.agent_words());
        line("load", &self.load_words());
        line(
            "NOTIFY",
            &format!(
                "`{}`, {} bytes",
                plan.messages.join("`, `"),
                plan.payload.len()
            ),
        );
        if plan.idle {
            let held = format!("{} of {} connections held", self.alive, plan.connections);
            line("result", &paint.bold(&held));
        } else {
            let rate = format!("{:.0} NOTIFYs a second", self.per_second());
            line(
                "result",
                &format!(
                    "{}, {} in {:.1} s, {:.2} actions each",
                    paint.bold(&rate),
                    self.tally.acked,
                    self.seconds,
                    self.actions_per_ack()
                ),
            );
            for (name, words) in self.latencies() {
                line(&name, &words);
            }
        }
        for (name, words) in self.usage_words() {
            line(name, &words);
        }
        if let Some(spent) = &self.generator {
            let share = self.share(spent) / plan.threads as f64;
            let words = format!("{:.0} % of {}", share * 100.0, cpus(plan.threads));
            if share >= BUSY && !plan.idle {
                line(
                    "generator",
                    &paint.warn(&format!(
                        "{words}: {}; try `--threads {}`",
                        match plan.rate {
                            Some(_) => "some of the latency may be its own",
                            None => "the agent may do more",
                        },
                        plan.threads + 1
                    )),
                )
            } else {
                line("generator", &words)
            }
        }
        if self.unsent > 0 {
            let words = format!(
                "{} NOTIFYs were due and not sent: the agent does not keep up with `--rate`, or \
                 `--connections` and `--in-flight` are too few for it",
                self.unsent
            );
            line("not sent", &paint.warn(&words));
        }
        let Tally {
            faults, uncounted, ..
        } = &self.tally;
        match faults.total() {
            0 if self.tally.acked == 0 => line("errors", "none"),
            0 => line("errors", &paint.good("none: every NOTIFY has one ACK")),
            _ => {
                for (fault, count) in faults.seen() {
                    line("errors", &paint.bad(&format!("{count} {}", fault.words())));
                }
                if let Some(first) = faults.first() {
                    line("", &format!("the first: {first}"));
                }
            }
        }
        for (fault, count) in uncounted.seen() {
            let words = format!("{count} {}, outside the measured time", fault.words());
            line("not counted", &paint.warn(&words));
        }
        for warning in self.warnings() {
            line("warning", &paint.warn(&warning));
        }
        out
    }

    fn agent_words(&self) -> String {
        let Negotiated {
            version,
            max_frame_size,
            capabilities,
            ..
        } = &self.agreed;
        let capabilities = match capabilities.to_string() {
            none if none.is_empty() => "no capabilities".to_owned(),
            some => some,
        };
        let address = &self.plan.target.address;
        format!("{address}: SPOP {version}, frames of {max_frame_size} bytes, {capabilities}")
    }

    fn load_words(&self) -> String {
        let plan = &self.plan;
        let connections = match plan.connections {
            1 => "1 connection".to_owned(),
            count => format!("{count} connections"),
        };
        if plan.idle {
            return format!("{connections}, idle for {:?}", plan.duration);
        }
        let paced = match plan.rate {
            Some(rate) => format!("{rate} NOTIFYs a second (open loop)"),
            None => "the next when one is answered (closed loop)".to_owned(),
        };
        let clamped = if self.agreed.capabilities.contains(Capabilities::PIPELINING) {
            ""
        } else {
            ", for the agent does not pipeline"
        };
        format!(
            "{connections}, {} in flight on each{clamped}; {paced}",
            plan.in_flight
        )
    }

    fn latencies(&self) -> Vec<(String, String)> {
        let latency = &self.tally.latency;
        if latency.is_empty() {
            return Vec::new();
        }
        let (mean, max) = (nanos(latency.mean()), nanos(latency.max() as f64));
        let mut lines = vec![(
            "latency".to_owned(),
            format!(
                "mean {mean}, least {}, most {max}",
                nanos(latency.min() as f64)
            ),
        )];
        lines.extend(QUANTILES.iter().map(|(name, quantile)| {
            let value = latency.value_at_quantile(*quantile);
            (format!("  {name}"), nanos(value as f64))
        }));
        lines
    }

    fn usage_words(&self) -> Vec<(&'static str, String)> {
        let Some(usage) = &self.usage else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        match &usage.cpu {
            Some(spent) if self.plan.idle => {
                let share = self.share(spent) * 100.0;
                lines.push(("CPU", format!("{share:.2} % of a CPU")));
            }
            Some(spent) => {
                let per_notify = self.per_notify(spent.total);
                let (user, system) = split(spent);
                lines.push((
                    "CPU",
                    format!(
                        "{per_notify:.3} µs for each NOTIFY ({:.3} user, {:.3} system), {:.0} % of \
                         a CPU",
                        per_notify * user,
                        per_notify * system,
                        self.share(spent) * 100.0
                    ),
                ));
            }
            None => lines.push(("CPU", format!("process {} is gone", usage.pid))),
        }
        if let Some(memory) = &usage.memory {
            let mib = |kib: u64| kib as f64 / 1024.0;
            lines.push((
                "memory",
                format!(
                    "{:.1} MiB resident, {:.1} at the most; {} threads",
                    mib(memory.resident),
                    mib(memory.peak),
                    memory.threads
                ),
            ));
        }
        lines
    }

    pub(super) fn json(&self) -> Value {
        let (plan, agreed, latency) = (&self.plan, &self.agreed, &self.tally.latency);
        let micros = |nanos: f64| nanos / 1e3;
        let mut latencies = Map::new();
        latencies.insert("mean".to_owned(), micros(latency.mean()).into());
        latencies.insert("min".to_owned(), micros(latency.min() as f64).into());
        latencies.insert("max".to_owned(), micros(latency.max() as f64).into());
        for (name, quantile) in QUANTILES {
            let value = latency.value_at_quantile(quantile);
            latencies.insert(name.to_owned(), micros(value as f64).into());
        }
        json!({
            "address": plan.target.address,
            "agent": {
                "version": agreed.version,
                "max_frame_size": agreed.max_frame_size,
                "capabilities": agreed.capabilities.to_string(),
            },
            "load": {
                "connections": plan.connections,
                "in_flight": plan.in_flight,
                "rate": plan.rate,
                "threads": plan.threads,
                "idle": plan.idle,
                "messages": plan.messages,
                "notify_bytes": plan.payload.len(),
            },
            "seconds": self.seconds,
            "acked": self.tally.acked,
            "acked_per_second": self.per_second(),
            "actions_per_ack": self.actions_per_ack(),
            "not_sent": self.unsent,
            "connections_at_end": self.alive,
            "latency_us": (!latency.is_empty()).then_some(latencies),
            "process": self.usage.as_ref().map(|usage| self.usage_json(usage)),
            "generator_cpu_percent": self.generator.as_ref().map(|spent| self.share(spent) * 100.0),
            "interrupted": self.interrupted,
            "errors": faults_json(&self.tally.faults),
            "errors_not_counted": faults_json(&self.tally.uncounted),
            "warnings": self.warnings(),
        })
    }

    fn usage_json(&self, usage: &Usage) -> Value {
        let cpu = usage.cpu.as_ref();
        let per_notify = cpu.map(|spent| self.per_notify(spent.total));
        json!({
            "pid": usage.pid,
            "cpu_us_per_notify": per_notify,
            "user_us_per_notify": cpu.zip(per_notify).map(|(spent, all)| all * split(spent).0),
            "system_us_per_notify": cpu.zip(per_notify).map(|(spent, all)| all * split(spent).1),
            "cpu_percent": cpu.map(|spent| self.share(spent) * 100.0),
            "rss_kib": usage.memory.map(|memory| memory.resident),
            "peak_rss_kib": usage.memory.map(|memory| memory.peak),
            "threads": usage.memory.map(|memory| memory.threads),
        })
    }
}

fn faults_json(faults: &Faults) -> Value {
    let kinds: Map<String, Value> = faults
        .seen()
        .map(|(fault, count)| (fault.key().to_owned(), count.into()))
        .collect();
    json!({ "total": faults.total(), "kinds": kinds, "first": faults.first() })
}

fn cpus(count: usize) -> String {
    match count {
        1 => "a CPU".to_owned(),
        count => format!("{count} CPUs"),
    }
}

/// The shares of user and system time. Their sum is known more precisely than they are.
fn split(spent: &Spent) -> (f64, f64) {
    let (user, system) = (spent.user.as_secs_f64(), spent.system.as_secs_f64());
    if user + system > 0.0 {
        (user / (user + system), system / (user + system))
    } else {
        (0.0, 0.0)
    }
}

/// A time in the unit that suits it.
pub(super) fn nanos(nanos: f64) -> String {
    match nanos {
        long if long >= 1e9 => format!("{:.2} s", long / 1e9),
        long if long >= 1e6 => format!("{:.2} ms", long / 1e6),
        short => format!("{:.1} µs", short / 1e3),
    }
}

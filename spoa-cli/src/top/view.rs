//! The figures of one interval as lines.

use super::sample::{AgentFigures, MessageFigures, Sample};
use spoa_tools::terminal::Paint;
use std::time::Duration;

/// The columns after the name of the message.
const TITLES: [&str; 8] = [
    "RATE/S",
    "FAIL/S",
    "IN FLIGHT",
    "MEAN",
    "P50",
    "P99",
    "HANDLED",
    "FAILED",
];

/// The width of a column.
const WIDTH: usize = 10;

/// The widest name of a message; longer ones are cut.
const NAME: usize = 32;

/// Returns the lines about all agents, with the rates since an earlier sample.
pub(super) fn lines(now: &Sample, before: Option<&Sample>, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for (index, agent) in now.agents.iter().enumerate() {
        let since = before.and_then(|before| {
            let then = before.agents.get(index)?;
            // One that counts less than before was restarted.
            let comparable = then.name == agent.name && then.notifies <= agent.notifies;
            let seconds = now.at.duration_since(before.at).as_secs_f64();
            comparable.then_some((then, seconds.max(1e-3)))
        });
        if index > 0 {
            lines.push(String::new());
        }
        self::agent(agent, since, paint, &mut lines);
    }
    if lines.is_empty() {
        lines.push("the program has no agent yet".to_owned());
    }
    lines
}

fn agent(
    agent: &AgentFigures,
    since: Option<(&AgentFigures, f64)>,
    paint: Paint,
    lines: &mut Vec<String>,
) {
    let rate = |of: fn(&AgentFigures) -> u64| {
        let (then, seconds) = since?;
        Some(of(agent).saturating_sub(of(then)) as f64 / seconds)
    };
    let phase = if agent.phase == "serving" {
        paint.good(&agent.phase)
    } else {
        paint.warn(&agent.phase)
    };
    lines.push(format!(
        "{}  {phase}   connections {}   NOTIFYs {}/s   received {}/s   sent {}/s",
        paint.bold(&agent.name),
        agent.connections_open,
        per_second(rate(|agent| agent.notifies)),
        bytes(rate(|agent| agent.received_bytes)),
        bytes(rate(|agent| agent.sent_bytes)),
    ));
    let names = agent
        .messages
        .iter()
        .map(|message| name(message).chars().count());
    let width = names
        .max()
        .unwrap_or_default()
        .max("MESSAGE".len())
        .min(NAME);
    let titles = TITLES.map(|title| format!("{title:>WIDTH$}"));
    lines.push(paint.dim(&format!("{:<width$}{}", "MESSAGE", titles.concat())));
    for (index, message) in agent.messages.iter().enumerate() {
        let since = since.and_then(|(then, seconds)| {
            let then = then.messages.get(index)?;
            (then.name == message.name).then_some((then, seconds))
        });
        lines.push(row(message, since, width, paint));
    }
    let mut remarks = Vec::new();
    for message in &agent.messages {
        let left_out = [("actions left out", message.left_out)];
        let kinds = message.failures.iter().chain(&left_out);
        let kinds = kinds.filter(|(_, count)| *count > 0);
        let kinds: Vec<String> = kinds
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        if !kinds.is_empty() {
            remarks.push(format!("{}: {}", name(message), kinds.join(", ")));
        }
    }
    let problems = agent.problems.iter().filter(|(_, count)| *count > 0);
    remarks.extend(problems.map(|(problem, count)| format!("{problem}: {count}")));
    for (index, remark) in remarks.iter().enumerate() {
        let label = match index {
            0 => "since start  ",
            _ => "             ",
        };
        lines.push(format!("{}{}", paint.dim(label), paint.warn(remark)));
    }
}

fn row(
    message: &MessageFigures,
    since: Option<(&MessageFigures, f64)>,
    width: usize,
    paint: Paint,
) -> String {
    let rate = |of: fn(&MessageFigures) -> u64| {
        let (then, seconds) = since?;
        Some(of(message).saturating_sub(of(then)) as f64 / seconds)
    };
    let failing = rate(MessageFigures::failed);
    let recent = since.map(|(then, _)| message.durations.since(&then.durations));
    let recent = recent.filter(|recent| recent.count() > 0);
    let quantile = |share| match recent.as_ref().and_then(|recent| recent.quantile(share)) {
        Some(Ok(bound)) => short(bound),
        Some(Err(bound)) => format!(">{}", short(bound)),
        None => "-".to_owned(),
    };
    let mean = recent.as_ref().and_then(|recent| recent.mean());
    let columns = [
        per_second(rate(|message| message.handled + message.failed())),
        per_second(failing),
        message.in_flight.to_string(),
        mean.map_or_else(|| "-".to_owned(), short),
        quantile(0.5),
        quantile(0.99),
        message.handled.to_string(),
        message.failed().to_string(),
    ];
    let columns = columns.map(|column| format!("{column:>WIDTH$}"));
    let name: String = name(message).chars().take(width).collect();
    let line = format!("{name:<width$}{}", columns.concat());
    if failing > Some(0.0) {
        paint.bad(&line)
    } else {
        line
    }
}

fn name(message: &MessageFigures) -> &str {
    message.name.as_deref().unwrap_or("(fallback)")
}

fn per_second(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(rate) if rate > 0.0 && rate < 10.0 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

fn bytes(rate: Option<f64>) -> String {
    match rate {
        None => "-".to_owned(),
        Some(rate) if rate < 1e3 => format!("{rate:.0} B"),
        Some(rate) if rate < 1e6 => format!("{:.1} kB", rate / 1e3),
        Some(rate) => format!("{:.1} MB", rate / 1e6),
    }
}

/// Returns a duration with three digits: `12 µs`, `1.25 ms`.
fn short(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let (value, unit) = match seconds {
        seconds if seconds < 1e-6 => (seconds * 1e9, "ns"),
        seconds if seconds < 1e-3 => (seconds * 1e6, "µs"),
        seconds if seconds < 1.0 => (seconds * 1e3, "ms"),
        seconds => (seconds, "s"),
    };
    let digits = match value {
        value if value >= 100.0 => 0,
        value if value >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::time::Instant;

    fn sample(at: Instant, handled: u64, late: u64, phase: &str) -> Sample {
        let stats = json!({ "agents": [{
            "agent": "ip-reputation",
            "phase": phase,
            "connections_open": 3,
            "notifies": handled + late,
            "received_bytes": handled * 100,
            "sent_bytes": handled * 10,
            "unknown_messages": 2,
            "connections_failed": { "protocol_error": 1 },
            "messages": [{
                "message": "get-ip-reputation",
                "ok": handled,
                "late": late,
                "in_flight": 1,
                "duration_seconds": {
                    "sum": handled as f64 * 0.00002,
                    "buckets": [
                        { "at_most_seconds": 0.000025, "count": handled },
                        { "at_most_seconds": 0.1, "count": 0 },
                        { "at_most_seconds": null, "count": late },
                    ],
                },
            }, { "message": null, "ok": 0 }],
        }] });
        Sample::read(&stats, at)
    }

    #[test]
    fn rates_are_those_of_the_interval() {
        let start = Instant::now();
        let then = sample(start, 1000, 0, "serving");
        let now = sample(start + Duration::from_secs(2), 3000, 4, "serving");
        let lines = lines(&now, Some(&then), Paint::PLAIN);
        let expected = [
            "ip-reputation  serving   connections 3   NOTIFYs 1002/s   received 100.0 kB/s   sent 10.0 kB/s",
            "MESSAGE              RATE/S    FAIL/S IN FLIGHT      MEAN       P50       P99   HANDLED    FAILED",
            "get-ip-reputation      1002       2.0         1     20 µs     25 µs     25 µs      3000         4",
            "(fallback)                0         0         0         -         -         -         0         0",
            "since start  get-ip-reputation: 4 late",
            "             unknown messages: 2",
            "             connections failed (protocol error): 1",
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn an_agent_that_was_restarted_has_no_rates_yet() {
        let start = Instant::now();
        let then = sample(start, 1000, 0, "serving");
        let now = sample(start + Duration::from_secs(1), 10, 0, "lame duck");
        for before in [Some(&then), None] {
            let lines = lines(&now, before, Paint::PLAIN);
            assert!(lines[0].contains("NOTIFYs -/s"), "{lines:#?}");
            assert!(
                lines[2].contains("-         -         -        10"),
                "{lines:#?}"
            );
        }
    }

    #[test]
    fn durations_have_three_digits() {
        for (nanos, text) in [
            (750, "750 ns"),
            (12_340, "12.3 µs"),
            (1_250_000, "1.25 ms"),
            (250_000_000, "250 ms"),
            (2_000_000_000, "2 s"),
        ] {
            assert_eq!(short(Duration::from_nanos(nanos)), text);
        }
    }
}

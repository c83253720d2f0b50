//! The page for people: a table for each agent, in the manner of HAProxy's statistics page.
//!
//! It has no script. The browser loads it again every few seconds.

use super::history::{History, Samples};
use super::metrics::name;
use crate::agent::{MessageStats, Phase, Stats};
use std::collections::VecDeque;
use std::fmt::{self, Write};
use std::time::{Duration, SystemTime};

/// The time after which the browser loads the page again, in seconds.
const REFRESH: u32 = 3;

/// A certificate that is valid for less than this is shown in yellow.
const EXPIRES_SOON: Duration = Duration::from_secs(14 * 86_400);

/// The size of a sparkline, in CSS pixels.
const WIDTH: f64 = 64.0;
const HEIGHT: f64 = 24.0;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--ok:#2e7d32;--warn:#b26a00;--bad:#c62828}\
@media(prefers-color-scheme:dark){:root{--ok:#81c784;--warn:#ffb74d;--bad:#ff8a80}}\
body{font:14px/1.45 system-ui,sans-serif;margin:1.5rem;max-width:80rem}\
h1{font-size:1.25rem;margin:0 0 .25rem}p{margin:.25rem 0 1rem}\
.scroll{overflow-x:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}\
th,td{padding:.3rem .6rem;border-bottom:1px solid var(--line);text-align:right;white-space:nowrap}\
th{font-weight:600}thead th{vertical-align:bottom;white-space:normal}th:first-child,td:first-child{text-align:left}\
td:first-child{border-left:4px solid var(--line)}tr.ok td:first-child{border-left-color:var(--ok)}\
tr.warn td:first-child{border-left-color:var(--warn)}tr.bad td:first-child{border-left-color:var(--bad)}\
b.bad{color:var(--bad)}b.warn{color:var(--warn)}b.ok{color:var(--ok)}.zero{color:#888}\
svg{vertical-align:middle}polyline{fill:none;stroke:currentColor;stroke-width:1.2;opacity:.7}\
td span{display:inline-block;min-width:4rem}\
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(13rem,1fr));gap:.2rem 1.5rem;margin:1rem 0 2rem}\
dl div{display:flex;justify-content:space-between;border-bottom:1px solid var(--line)}\
dt{opacity:.75}dd b{font-weight:inherit}dd b.bad{font-weight:600}dd{margin:0;font-variant-numeric:tabular-nums}\
footer{opacity:.75;font-size:.85rem}\
@media(max-width:48rem){body{margin:1rem}thead{display:none}\
tr{display:grid;grid-template-columns:1fr 1fr;column-gap:1.5rem;margin-bottom:.75rem;border-left:4px solid var(--line);\
padding-left:.6rem}tr.ok{border-color:var(--ok)}tr.warn{border-color:var(--warn)}tr.bad{border-color:var(--bad)}\
td{display:flex;justify-content:space-between;gap:.5rem;padding:.15rem 0}td.zero{display:none}\
td[data-is]:before{content:attr(data-is);opacity:.75}td:first-child{grid-column:1/-1;border-left:0;font-weight:600}\
td span{min-width:0}td svg{display:none}}";

/// The columns after the name of the message.
const COLUMNS: [&str; 12] = [
    "Handled",
    "Errors",
    "Panics",
    "Late",
    "Over&shy;loaded",
    "Rejected",
    "Left out",
    "In flight",
    "Rate",
    "Mean",
    "p50",
    "p99",
];

/// Writes the page.
pub(super) fn write(all: &[Stats], history: &History, has_handlers: bool) -> String {
    let names: Vec<_> = all.iter().map(|stats| stats.agent.as_str()).collect();
    let mut out = String::new();
    let title = Escaped(&names.join(", ")).to_string();
    let _ = write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"refresh\" content=\"{REFRESH}\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n"
    );
    for stats in all {
        let _ = agent(&mut out, stats, history);
    }
    out.push_str(
        "<footer>Also here: <a href=\"metrics\">metrics</a>, <a href=\"stats.json\">stats.json</a>",
    );
    if has_handlers {
        out.push_str(", <a href=\"handlers\">handlers</a>");
    }
    out.push_str(
        ". A message is red if its handler failed in the time of the sparklines, yellow if it failed before that, or if \
         messages were rejected or actions left out, and green if all went well. Rate and mean are of the time between the \
         last two samples, which are taken when this page or the metrics are read.</footer>\n</body>\n</html>\n",
    );
    out
}

fn agent(out: &mut String, stats: &Stats, history: &History) -> fmt::Result {
    let class = if stats.phase == Phase::Serving {
        "ok"
    } else {
        "warn"
    };
    let loaded = SystemTime::now()
        .duration_since(stats.loaded)
        .unwrap_or_default();
    let s = if stats.connections_open == 1 { "" } else { "s" };
    writeln!(
        out,
        "<h1>{}</h1>\n<p><b class=\"{class}\">{}</b>, {} open connection{s}, states loaded {} ago{}</p>",
        Escaped(&stats.agent),
        stats.phase,
        Thousands(stats.connections_open),
        age(loaded),
        certificate(stats.certificate_expires, SystemTime::now()),
    )?;
    out.push_str("<div class=\"scroll\"><table>\n<thead><tr><th>Message");
    for column in COLUMNS {
        write!(out, "<th>{column}")?;
    }
    out.push_str("</tr></thead>\n<tbody>\n");
    for message in &stats.messages {
        let key = (stats.agent.clone(), message.message);
        row(out, message, history.of(&key))?;
    }
    out.push_str("</tbody>\n</table></div>\n<dl>\n");
    for (at, (term, count)) in figures(stats).into_iter().enumerate() {
        let class = match count {
            0 => " class=\"zero\"",
            _ if at >= TRAFFIC => " class=\"bad\"",
            _ => "",
        };
        let count = Thousands(count);
        writeln!(
            out,
            "<div><dt>{term}</dt><dd><b{class}>{count}</b></dd></div>"
        )?;
    }
    out.push_str("</dl>\n");
    Ok(())
}

/// Says for how long the certificate is valid.
fn certificate(expires: Option<SystemTime>, now: SystemTime) -> String {
    let Some(expires) = expires else {
        return String::new();
    };
    match expires.duration_since(now) {
        Ok(left) => {
            let class = match left {
                _ if left < Duration::from_secs(86_400) => "bad",
                _ if left < EXPIRES_SOON => "warn",
                _ => "ok",
            };
            let left = age(left);
            format!(", certificate <b class=\"{class}\">valid for {left}</b>")
        }
        Err(_) => ", certificate <b class=\"bad\">expired</b>".to_owned(),
    }
}

fn row(out: &mut String, message: &MessageStats, samples: Option<&Samples>) -> fmt::Result {
    let class = class(message, samples.map(|samples| &samples.failures));
    let shown = match message.message {
        Some(_) => Escaped(name(message)).to_string(),
        None => "<i>fallback</i>".to_owned(),
    };
    write!(out, "<tr class=\"{class}\"><td>{shown}")?;
    let counts = [
        (message.handled, ""),
        (message.errors, "bad"),
        (message.panicked, "bad"),
        (message.late, "bad"),
        (message.overloaded, "bad"),
        (message.rejected, "warn"),
        (message.actions_left_out, "warn"),
        (message.running, ""),
    ];
    let (counted, timed) = COLUMNS.split_at(counts.len());
    for (column, (count, class)) in counted.iter().zip(counts) {
        let shown = Thousands(count);
        match (count, class) {
            (0, _) => write!(out, "<td data-is=\"{column}\" class=\"zero\">0")?,
            (_, "") => write!(out, "<td data-is=\"{column}\">{shown}")?,
            _ => write!(
                out,
                "<td data-is=\"{column}\"><b class=\"{class}\">{shown}</b>"
            )?,
        }
    }
    let none = VecDeque::new();
    let rates = samples.map_or(&none, |samples| &samples.rates);
    let means = samples.map_or(&none, |samples| &samples.means);
    let rate = rates.back().filter(|rate| **rate > 0.0);
    let rate = rate.map(|rate| match rate {
        rate if *rate < 10.0 => format!("{rate:.1}/s"),
        rate => format!("{}/s", Thousands(*rate as u64)),
    });
    let mean = means.back().filter(|mean| **mean > 0.0);
    let mean = mean.map(|mean| time(Duration::from_secs_f64(*mean)));
    let [p50, p99] = [0.5, 0.99].map(|share| match message.durations.quantile(share) {
        Some(most) => Some(format!("≤ {}", time(most))),
        None if message.durations.count() > 0 => Some("> 1 s".to_owned()),
        None => None,
    });
    let lines = [Some(rates), Some(means), None, None];
    for ((column, shown), line) in timed.iter().zip([rate, mean, p50, p99]).zip(lines) {
        let class = if shown.is_none() {
            " class=\"zero\""
        } else {
            ""
        };
        write!(out, "<td data-is=\"{column}\"{class}>")?;
        let shown = shown.as_deref().unwrap_or("–");
        match line {
            Some(line) => write!(out, "{} <span>{shown}</span>", Sparkline(line))?,
            None => out.push_str(shown),
        }
    }
    out.push_str("</tr>\n");
    Ok(())
}

/// Returns the colour of a message: failures of a day ago do not hide those of now.
fn class(message: &MessageStats, failures: Option<&VecDeque<u64>>) -> &'static str {
    let failed = message.errors + message.panicked + message.late + message.overloaded;
    let lately = match failures {
        Some(failures) if !failures.is_empty() => failures.iter().sum(),
        _ => failed,
    };
    if lately > 0 {
        "bad"
    } else if failed + message.rejected + message.actions_left_out > 0 {
        "warn"
    } else if message.handled > 0 {
        "ok"
    } else {
        "idle"
    }
}

/// The number of figures at the front that are not a sign of trouble.
const TRAFFIC: usize = 10;

fn figures(stats: &Stats) -> Vec<(&'static str, u64)> {
    let limits: u64 = stats.limits_reached.iter().map(|(_, count)| count).sum();
    vec![
        ("NOTIFYs", stats.notifies),
        ("ACKs", stats.acks),
        ("Bytes received", stats.received_bytes),
        ("Bytes sent", stats.sent_bytes),
        ("Connections accepted", stats.connections),
        ("Reloads", stats.reloads),
        ("Blocking handlers running", stats.blocking_running),
        ("Blocking handlers waiting", stats.blocking_waiting),
        ("Work in flight", stats.after_work_kept),
        ("Transactions kept", stats.transactions_kept),
        ("Unreadable NOTIFYs", stats.unreadable_notifies),
        ("Unknown messages", stats.unknown_messages),
        ("Refused: too many", stats.connections_refused_full),
        (
            "Refused: not allowed",
            stats.connections_refused_not_allowed,
        ),
        ("Broken by the peer", stats.connections_broken),
        ("Timed out", stats.connections_timed_out),
        ("Protocol errors", stats.protocol_errors),
        ("Limits reached", limits),
        ("Worker stalls", stats.workers_blocked),
        ("Work dropped", stats.after_work_dropped),
        ("Work panicked", stats.after_work_panicked),
        ("Transactions evicted", stats.transactions_evicted),
        ("Failed reloads", stats.reloads_failed),
        ("Stale values", stats.stale_values),
    ]
}

/// Returns a duration with three digits: `1.25 ms`.
fn time(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    let (value, unit) = match seconds {
        s if s >= 1.0 => (s, "s"),
        s if s >= 0.001 => (s * 1e3, "ms"),
        s => (s * 1e6, "µs"),
    };
    let digits = match value {
        v if v >= 100.0 => 0,
        v if v >= 10.0 => 1,
        _ => 2,
    };
    let text = format!("{value:.digits$}");
    let text = if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        &text
    };
    format!("{text}&nbsp;{unit}")
}

/// Returns an age in its largest unit.
fn age(age: Duration) -> String {
    let seconds = age.as_secs();
    match seconds {
        0..=119 => format!("{seconds}&nbsp;s"),
        120..=7199 => format!("{}&nbsp;min", seconds / 60),
        7200..=172_799 => format!("{}&nbsp;h", seconds / 3600),
        _ => format!("{}&nbsp;d", seconds / 86_400),
    }
}

/// Returns a number with a thin space between thousands.
struct Thousands(u64);

impl fmt::Display for Thousands {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = self.0.to_string();
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at) % 3 == 0 {
                f.write_char('\u{202f}')?;
            }
            f.write_char(digit)?;
        }
        Ok(())
    }
}

/// Returns text escaped for HTML.
struct Escaped<'a>(&'a str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|letter| match letter {
            '<' => f.write_str("&lt;"),
            '>' => f.write_str("&gt;"),
            '&' => f.write_str("&amp;"),
            '"' => f.write_str("&quot;"),
            letter => f.write_char(letter),
        })
    }
}

/// Returns samples as a line.
struct Sparkline<'a>(&'a VecDeque<f64>);

impl fmt::Display for Sparkline<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let most = self.0.iter().copied().fold(f64::MIN_POSITIVE, f64::max);
        let last = (self.0.len().max(2) - 1) as f64;
        write!(
            f,
            "<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" aria-hidden=\"true\"><polyline points=\""
        )?;
        for (at, sample) in self.0.iter().enumerate() {
            let (x, y) = (
                at as f64 / last * WIDTH,
                HEIGHT - 2.0 - sample / most * (HEIGHT - 4.0),
            );
            write!(f, "{x:.1},{y:.1} ")?;
        }
        f.write_str("\"/></svg>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped_and_durations_are_rounded() {
        for (number, shown) in [
            (0, "0"),
            (999, "999"),
            (1000, "1\u{202f}000"),
            (1_234_567, "1\u{202f}234\u{202f}567"),
        ] {
            assert_eq!(Thousands(number).to_string(), shown);
        }
        for (nanos, shown) in [
            (0, "0&nbsp;µs"),
            (1_250, "1.25&nbsp;µs"),
            (50_000, "50&nbsp;µs"),
            (100_000, "100&nbsp;µs"),
            (1_500_000, "1.5&nbsp;ms"),
            (2_000_000_000, "2&nbsp;s"),
        ] {
            assert_eq!(time(Duration::from_nanos(nanos)), shown);
        }
    }

    #[test]
    fn a_certificate_is_yellow_in_its_last_days_and_red_on_its_last() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
        let shown = |days: u64| certificate(Some(now + Duration::from_secs(days * 86_400)), now);
        assert!(
            shown(30).contains("\"ok\">valid for 30&nbsp;d"),
            "{}",
            shown(30)
        );
        assert!(
            shown(5).contains("\"warn\">valid for 5&nbsp;d"),
            "{}",
            shown(5)
        );
        assert!(shown(0).contains("\"bad\">"), "{}", shown(0));
        let late = certificate(Some(now), now + Duration::from_secs(1));
        assert!(late.contains("\"bad\">expired"), "{late}");
        assert_eq!(certificate(None, now), "");
    }

    #[test]
    fn a_message_is_red_while_it_fails_and_yellow_after_that() {
        let none = MessageStats {
            message: Some("check"),
            handled: 0,
            rejected: 0,
            rejected_by: Vec::new(),
            errors: 0,
            panicked: 0,
            late: 0,
            overloaded: 0,
            actions_left_out: 0,
            running: 0,
            durations: crate::agent::Durations::default(),
        };
        let handled = MessageStats {
            handled: 7,
            ..none.clone()
        };
        let failed = MessageStats {
            late: 2,
            ..handled.clone()
        };
        let rejected = MessageStats {
            rejected: 1,
            ..handled.clone()
        };
        for (message, failures, expected) in [
            (&none, None, "idle"),
            (&handled, Some(vec![0, 0]), "ok"),
            (&failed, None, "bad"),
            (&failed, Some(vec![]), "bad"),
            (&failed, Some(vec![2, 0]), "bad"),
            (&failed, Some(vec![0, 0]), "warn"),
            (&rejected, Some(vec![0, 0]), "warn"),
        ] {
            let failures = failures.map(VecDeque::from);
            assert_eq!(class(message, failures.as_ref()), expected, "{message:?}");
        }
    }

    #[test]
    fn names_cannot_become_markup() {
        let escaped = Escaped("<a href=\"x\">&").to_string();
        assert_eq!(escaped, "&lt;a href=&quot;x&quot;&gt;&amp;");
    }

    #[test]
    fn a_sparkline_stays_in_its_frame() {
        for samples in [vec![], vec![0.0], vec![5.0], vec![0.0, 1e9, 3.0]] {
            let drawn = Sparkline(&samples.into()).to_string();
            assert!(!drawn.contains("NaN") && !drawn.contains("inf"), "{drawn}");
        }
    }
}

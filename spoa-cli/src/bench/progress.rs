//! The progress line that is shown while the load runs.

use super::report::nanos;
use super::tally::Tally;
use spoa_tools::terminal::Paint;
use std::io::{IsTerminal, Write, stderr};
use std::time::Duration;

/// The number of answers before the line changes: with fewer, it flickers and its percentiles jump.
const SHOWN: Duration = Duration::from_millis(500);

/// A line on a terminal that is written over and over.
#[derive(Debug)]
pub(super) struct Progress {
    warmup: Duration,
    whole: Duration,
    idle: bool,
    paint: Paint,
    shown: Duration,
    recent: Tally,
    faults: u64,
}

impl Progress {
    /// Returns a line on standard error, if that is a terminal, so that standard output can go elsewhere.
    pub(super) fn on_terminal(warmup: Duration, duration: Duration, idle: bool) -> Option<Self> {
        stderr().is_terminal().then(|| Progress {
            warmup,
            whole: warmup + duration,
            idle,
            paint: Paint::of(&stderr()),
            shown: Duration::ZERO,
            recent: Tally::new(),
            faults: 0,
        })
    }

    /// Adds the counts since the last call.
    pub(super) fn show(&mut self, elapsed: Duration, piece: Tally) {
        self.recent.add(&piece);
        self.faults += piece.faults.total() + piece.uncounted.total();
        let since = elapsed.saturating_sub(self.shown);
        if since >= SHOWN {
            let line = self.line(elapsed, since);
            // A terminal that cannot show it is not a reason to stop measuring.
            let _ = write!(stderr(), "\r{line}\x1b[K");
            self.shown = elapsed;
            self.recent = Tally::new();
        }
    }

    fn line(&self, elapsed: Duration, since: Duration) -> String {
        let seconds = elapsed.as_secs_f64();
        let time = format!("{seconds:5.1} s of {} s", self.whole.as_secs_f64());
        let faults = match self.faults {
            0 => String::new(),
            count => self.paint.bad(&format!("   {count} errors")),
        };
        if self.idle {
            return format!("{time}   holding connections{faults}");
        }
        if elapsed < self.warmup {
            return format!("{time}   {}{faults}", self.paint.dim("warming up"));
        }
        let rate = self.recent.acked as f64 / since.as_secs_f64();
        let latency = |quantile| nanos(self.recent.latency.value_at_quantile(quantile) as f64);
        format!(
            "{time}   {}   p50 {}   p99 {}{faults}",
            self.paint.bold(&format!("{rate:.0}/s")),
            latency(0.5),
            latency(0.99)
        )
    }

    /// Leaves nothing unsent.
    pub(super) fn clear(&mut self) {
        let _ = write!(stderr(), "\r\x1b[K");
    }
}

//! Failures of handlers in the log: a line when failures of a kind begin, and one line a second for all handlers
//! while they last.
//!
//! So an outage of a service that handlers ask has few lines, however many handlers and messages it concerns.

use crate::agent::clock;
use crate::agent::counters::HandlerCounters;
use crate::handler::{Definition, Failure};
use std::fmt::Write;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// The time between two lines about all handlers.
const PERIOD: Duration = Duration::from_secs(1);

/// The kinds of failures, so that none hides another.
const KINDS: usize = 7;

/// Returns the kind of a failure.
fn kind(failure: &Failure) -> usize {
    match failure {
        Failure::Rejected(_) => 0,
        Failure::Error(_) => 1,
        Failure::Panicked(_) => 2,
        Failure::TimedOut(_) => 3,
        Failure::Stopped(_) => 4,
        Failure::BadVariable(_) => 5,
        Failure::Overloaded(_) => 6,
    }
}

/// The failures of one handler that the log has said, and those that it has not.
#[derive(Debug, Default)]
pub(crate) struct HandlerFailures {
    kinds: [FailuresOfKind; KINDS],
    /// The counters at the last line of the log about them.
    told: Mutex<Tally>,
}

/// The failures of one kind.
#[derive(Debug, Default)]
struct FailuresOfKind {
    /// The time of the failure before.
    last: AtomicU64,
    /// The number of failures that no line has told.
    untold: AtomicU64,
}

/// The place of a failure in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LogPlace {
    /// A line of its own.
    Line {
        /// The number of earlier failures of its kind that no line has told.
        suppressed: Option<u64>,
        /// Whether there was no line for a while, so that an outage begins.
        begins: bool,
    },
    /// A line about all handlers, for the failures of this time.
    Summary(Duration),
    /// No line now: a later line counts it.
    Untold,
}

/// When the log had the last line about failures of all handlers of an agent.
#[derive(Debug, Default)]
pub(crate) struct Summaries {
    last: AtomicU64,
}

impl Summaries {
    /// Finds the place of a failure.
    pub(super) fn place(&self, handler: &HandlerFailures, failure: &Failure) -> LogPlace {
        self.place_at(clock::millis(), handler, kind(failure))
    }

    fn place_at(&self, now: u64, handler: &HandlerFailures, kind: usize) -> LogPlace {
        let Some(kind) = handler.kinds.get(kind) else {
            return LogPlace::Untold;
        };
        let period = PERIOD.as_millis() as u64;
        let before = kind.last.swap(now, Ordering::Relaxed);
        if before == 0 || now.saturating_sub(before) > 2 * period {
            let untold = kind.untold.swap(0, Ordering::Relaxed);
            // The first line of an outage begins the time that the next one is about.
            let last = self.last.load(Ordering::Relaxed);
            let begins = last == 0 || now.saturating_sub(last) > 2 * period;
            if begins {
                self.last.store(now, Ordering::Relaxed);
            }
            return LogPlace::Line {
                suppressed: (untold > 0).then_some(untold),
                begins,
            };
        }
        kind.untold.fetch_add(1, Ordering::Relaxed);
        let last = self.last.load(Ordering::Relaxed);
        let since = now.saturating_sub(last);
        let won = since >= period
            && self
                .last
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok();
        if won {
            LogPlace::Summary(Duration::from_millis(since))
        } else {
            LogPlace::Untold
        }
    }
}

/// The numbers of messages of a handler, by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Tally {
    handled: u64,
    rejected: u64,
    errors: u64,
    panicked: u64,
    late: u64,
    overloaded: u64,
}

impl Tally {
    fn of(counters: &HandlerCounters) -> Self {
        Tally {
            handled: counters
                .messages
                .all()
                .map(|messages| messages.handled.get())
                .sum(),
            rejected: counters.rejected.get(),
            errors: counters.errors.get(),
            panicked: counters.panicked.get(),
            late: counters.late.get(),
            overloaded: counters.overloaded.get(),
        }
    }

    fn since(self, before: Tally) -> Self {
        Tally {
            handled: self.handled.saturating_sub(before.handled),
            rejected: self.rejected.saturating_sub(before.rejected),
            errors: self.errors.saturating_sub(before.errors),
            panicked: self.panicked.saturating_sub(before.panicked),
            late: self.late.saturating_sub(before.late),
            overloaded: self.overloaded.saturating_sub(before.overloaded),
        }
    }

    fn failed(self) -> u64 {
        self.rejected + self.errors + self.panicked + self.late + self.overloaded
    }
}

impl HandlerFailures {
    /// Notes that the log has told everything so far. Returns the counts since the note before.
    fn tell(&self, counters: &HandlerCounters) -> Tally {
        let tally = Tally::of(counters);
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        tally.since(std::mem::replace(&mut told, tally))
    }

    /// Notes that the log tells all failures so far.
    fn told_all(&self) {
        for kind in &self.kinds {
            kind.untold.store(0, Ordering::Relaxed);
        }
    }
}

/// Notes that an outage begins: later lines count from here.
pub(super) fn begin<'a>(
    handlers: impl Iterator<Item = (&'a HandlerFailures, &'a HandlerCounters)>,
) {
    for (failures, counters) in handlers {
        failures.tell(counters);
    }
}

/// Returns which handlers failed since the line before, for how many of their messages, and why.
pub(super) fn summary<'a>(
    handlers: impl Iterator<Item = (&'a Definition, &'a HandlerFailures, &'a HandlerCounters)>,
) -> String {
    let mut text = String::new();
    for (definition, failures, counters) in handlers {
        let tally = failures.tell(counters);
        failures.told_all();
        if tally.failed() == 0 {
            continue;
        }
        let begin = if text.is_empty() { "" } else { ", " };
        let _ = write!(
            text,
            "{begin}`{}` for {} of {} messages (",
            definition.short_name(),
            tally.failed(),
            tally.handled + tally.failed()
        );
        let kinds = [
            (tally.late, "late"),
            (tally.errors, "with an error"),
            (tally.overloaded, "overloaded"),
            (tally.panicked, "panicked"),
            (tally.rejected, "rejected"),
        ];
        let kinds = kinds.iter().filter(|(count, _)| *count > 0);
        let kinds: Vec<_> = kinds
            .map(|(count, kind)| format!("{count} {kind}"))
            .collect();
        text.push_str(&kinds.join(", "));
        text.push(')');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_of_a_kind_has_a_line_and_the_others_share_one_a_second() {
        let (all, one, other) = (
            Summaries::default(),
            HandlerFailures::default(),
            HandlerFailures::default(),
        );
        let place = |now, handler, kind| all.place_at(now, handler, kind);
        let line = |suppressed, begins| LogPlace::Line { suppressed, begins };
        assert_eq!(place(1, &one, 1), line(None, true));
        assert_eq!(place(2, &one, 3), line(None, false));
        assert_eq!(place(2, &other, 1), line(None, false));
        for now in 3..1001 {
            assert_eq!(place(now, &one, 1), LogPlace::Untold);
        }
        let second = Duration::from_secs(1);
        assert_eq!(place(1001, &other, 1), LogPlace::Summary(second));
        assert_eq!(place(1002, &one, 1), LogPlace::Untold);
        assert_eq!(place(2001, &one, 1), LogPlace::Summary(second));
        one.told_all();
        // The outage is over. Two failures of its end were not told.
        assert_eq!(place(2002, &one, 1), LogPlace::Untold);
        assert_eq!(place(2003, &one, 1), LogPlace::Untold);
        assert_eq!(place(9000, &one, 1), line(Some(2), true));
        assert_eq!(place(9001, &one, 1), LogPlace::Untold);
    }

    #[test]
    fn a_summary_has_the_failures_since_the_line_before() {
        let (failures, counters) = (HandlerFailures::default(), HandlerCounters::default());
        let definition = Definition {
            function: "module::check",
            ..Definition::EMPTY
        };
        let timed_out = Failure::TimedOut(Duration::from_millis(20));
        counters.failed(&timed_out);
        begin([(&failures, &counters)].into_iter());
        let one = || summary([(&definition, &failures, &counters)].into_iter());
        assert_eq!(one(), "");
        counters.handled(crate::agent::counters::Shard::next());
        counters.failed(&timed_out);
        counters.failed(&timed_out);
        counters.failed(&Failure::Error("down".into()));
        assert_eq!(
            one(),
            "`check` for 3 of 4 messages (2 late, 1 with an error)"
        );
        assert_eq!(one(), "");
    }
}

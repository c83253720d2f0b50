//! The log: where it goes and what it looks like.

use super::log_filter as filter;
use crate::log_target::AGENT;
use crate::text::one_line;
use std::fmt;
use std::io::stderr;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{Format, Full, Writer};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, layer};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, registry};

/// Sends the log to standard error. Lines have the time, unless the journal reads them, which adds its own.
///
/// A program that has set up `tracing` itself keeps its own subscriber.
pub(super) fn start(filter: &str) {
    // The command line has already checked the filter.
    let filter = filter::read(filter).unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let format = Format::default().with_ansi(false);
    let lines = layer().with_writer(stderr).with_ansi(false);
    let lines = match std::env::var_os("JOURNAL_STREAM") {
        Some(_) => lines.event_format(OneLine(format.without_time())).boxed(),
        None => lines.event_format(OneLine(format)).boxed(),
    };
    let started = registry().with(lines.with_filter(filter)).try_init();
    if started.is_err() {
        tracing::debug!(target: AGENT, "the program's own log is kept");
    }
}

/// A format that writes each record on one line, with its target if that adds to the text.
struct OneLine<T>(Format<Full, T>);

impl<T, S, N> FormatEvent<S, N> for OneLine<T>
where
    T: FormatTime + Clone,
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let shown = filter::is_shown(event.metadata().target());
        let format = self.0.clone().with_target(shown);
        let mut record = String::new();
        format.format_event(context, Writer::new(&mut record), event)?;
        writeln!(writer, "{}", one_line(&record))
    }
}

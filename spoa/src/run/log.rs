//! The log: where it goes and what it looks like.

use super::log_filter as filter;
use super::secrets;
use crate::log_target::AGENT;
#[cfg(feature = "log-json")]
use crate::text::breaks_line;
use crate::text::one_line;
use std::cell::RefCell;
use std::fmt;
use std::io::stderr;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::format::{Format, Full, Writer};
#[cfg(feature = "log-json")]
use tracing_subscriber::fmt::format::{Json, JsonFields};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, MakeWriter, layer};
use tracing_subscriber::layer::{Identity, Layered, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, Registry, registry};

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum LogFormat {
    /// Time, level, text and fields.
    #[default]
    Text,
    /// One JSON object.
    #[cfg(feature = "log-json")]
    Json,
}

/// The error for a log of JSON in a program without it.
#[cfg(not(feature = "log-json"))]
const WITHOUT_JSON: &str = "this program was built without JSON; enable it in its Cargo.toml: `haproxy-spoa = { …, features = [\"log-json\"] }`";

impl LogFormat {
    /// Reads the value of `--log-format`.
    pub(super) fn read(text: &str) -> Result<Self, String> {
        match text {
            "text" => Ok(LogFormat::Text),
            #[cfg(feature = "log-json")]
            "json" => Ok(LogFormat::Json),
            #[cfg(not(feature = "log-json"))]
            "json" => Err(WITHOUT_JSON.to_owned()),
            _ => Err("write `text` or `json`".to_owned()),
        }
    }
}

/// A layer of the program's own.
pub(super) type BoxedLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// Layers of the program's own, until they are made.
#[derive(Default)]
pub(super) struct Layers(RefCell<Vec<Box<dyn FnOnce() -> BoxedLayer>>>);

impl Layers {
    pub(super) fn add<L>(&self, make: impl FnOnce() -> L + 'static)
    where
        L: Layer<Registry> + Send + Sync,
    {
        self.0.borrow_mut().push(Box::new(|| make().boxed()));
    }

    /// Makes the layers. They are made once.
    pub(super) fn make(&self) -> Vec<BoxedLayer> {
        self.0.take().into_iter().map(|make| make()).collect()
    }
}

impl fmt::Debug for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layers").finish_non_exhaustive()
    }
}

/// Sends the log to standard error. Lines of text have the time, unless the journal reads them, which adds its own.
///
/// A program that has set up `tracing` itself keeps its own subscriber.
pub(super) fn start(filter: &str, format: LogFormat, layers: Vec<BoxedLayer>) {
    // The command line has already checked the filter.
    let filter = filter::read(filter).unwrap_or_else(|_| Targets::new().with_default(Level::INFO));
    let timed = std::env::var_os("JOURNAL_STREAM").is_none();
    let lines = lines(format, timed, stderr);
    if subscriber(lines, filter, layers).try_init().is_err() {
        tracing::debug!(target: AGENT, "the program's own log is kept");
    }
}

/// A registry with the program's own layers, on which the layer of lines is put.
type Own = Layered<Vec<BoxedLayer>, Registry>;

/// Returns the subscriber with lines, which this filter lets through, and the program's own layers.
fn subscriber(
    lines: Box<dyn Layer<Own> + Send + Sync>,
    filter: Targets,
    mut layers: Vec<BoxedLayer>,
) -> impl Subscriber + for<'a> LookupSpan<'a> {
    // An empty list would refuse every record, and no list at all would ask the filter again for each.
    layers.push(Identity::new().with_filter(LevelFilter::OFF).boxed());
    registry().with(layers).with(lines.with_filter(filter))
}

/// Returns the layer that writes lines.
fn lines<S, W>(format: LogFormat, timed: bool, writer: W) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let lines = layer().with_writer(writer).with_ansi(false);
    match format {
        LogFormat::Text => {
            let format = Format::default().with_ansi(false).without_time();
            lines.event_format(TextLine { format, timed }).boxed()
        }
        #[cfg(feature = "log-json")]
        // A record is read by a machine, which may be another one than the journal's: it always has the time.
        LogFormat::Json => {
            let json = Format::default().json().flatten_event(true);
            let lines = lines.fmt_fields(JsonFields::new());
            lines.event_format(JsonLine(json)).boxed()
        }
    }
}

/// A format that writes each record on one line, with its target if that adds to the text.
struct TextLine {
    /// The format without the time.
    format: Format<Full, ()>,
    timed: bool,
}

impl<S, N> FormatEvent<S, N> for TextLine
where
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
        let format = self.format.clone().with_target(shown);
        let mut record = String::new();
        if self.timed {
            SystemTime.format_time(&mut Writer::new(&mut record))?;
            record.push(' ');
        }
        format.format_event(context, Writer::new(&mut record), event)?;
        writeln!(writer, "{}", secrets::hide(one_line(&record)))
    }
}

/// A format that writes each record as one JSON object on one line.
#[cfg(feature = "log-json")]
struct JsonLine(Format<Json>);

#[cfg(feature = "log-json")]
impl<S, N> FormatEvent<S, N> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut record = String::new();
        self.0
            .format_event(context, Writer::new(&mut record), event)?;
        // JSON escapes the controls of ASCII only.
        for letter in secrets::hide_in_json(record.trim_end()).chars() {
            if breaks_line(letter) {
                write!(writer, "\\u{:04x}", u32::from(letter))?;
            } else {
                writer.write_char(letter)?;
            }
        }
        writeln!(writer)
    }
}

#[cfg(test)]
#[cfg(feature = "log-json")]
mod tests {
    use super::*;
    use crate::log_target::FAILURES;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing::subscriber::with_default;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// Returns what a program writes in a format.
    fn written(format: LogFormat, write: impl FnOnce()) -> String {
        let written = Written::default();
        let to = written.clone();
        let log = registry().with(lines(format, false, move || to.clone()));
        with_default(log, write);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    /// A record that is off costs a handler nothing.
    #[test]
    fn a_target_that_the_filter_stops_is_off() {
        let filter = || filter::read("warn,spoa::connection=debug").unwrap();
        let lines = || lines(LogFormat::Text, true, io::sink);
        let log = subscriber(lines(), filter(), Vec::new());
        // A registry alone lets all spans through, so that they have their metadata.
        let [off, on] = with_default(registry(), || {
            let off = tracing::debug_span!(target: "spoa::values", "off");
            [off, tracing::debug_span!(target: "spoa::connection", "on")]
        });
        assert!(log.register_callsite(off.metadata().unwrap()).is_never());
        assert!(!log.register_callsite(on.metadata().unwrap()).is_never());
    }

    #[test]
    fn the_log_asks_for_no_more_than_its_filter_lets_through() {
        let info = || filter::read("info").unwrap();
        let lines = || lines(LogFormat::Text, true, io::sink);
        let hint = |layers| subscriber(lines(), info(), layers).max_level_hint();
        assert_eq!(hint(Vec::new()), Some(LevelFilter::INFO));
        let warns: BoxedLayer = layer().with_filter(LevelFilter::WARN).boxed();
        assert_eq!(hint(vec![warns]), Some(LevelFilter::INFO));
        let debugs: BoxedLayer = layer().with_filter(LevelFilter::DEBUG).boxed();
        assert_eq!(hint(vec![debugs]), Some(LevelFilter::DEBUG));
    }

    #[test]
    fn a_line_begins_with_its_time() {
        let written = Written::default();
        let to = written.clone();
        let log = registry().with(lines(LogFormat::Text, true, move || to.clone()));
        with_default(log, || tracing::info!(target: AGENT, "said"));
        let bytes = written.0.lock().unwrap().clone();
        let text = String::from_utf8(bytes).unwrap();
        let (time, rest) = text.split_at("2026-11-30T04:40:18.123456Z".len());
        assert_eq!(rest, "  INFO said\n");
        let digits = time.replace(|letter: char| letter.is_ascii_digit(), "0");
        assert_eq!(digits, "0000-00-00T00:00:00.000000Z");
    }

    const HOSTILE: &str = "a\"}\n{\"level\":\"ERROR\"}\r\u{1b}[2J\u{85}\u{2028}\u{202e}\u{7f}\\";

    #[test]
    fn each_record_is_one_json_object_on_one_line_whatever_its_texts_hold() {
        let text = written(LogFormat::Json, || {
            let _span = tracing::info_span!("outer", req_id = HOSTILE).entered();
            tracing::warn!(target: FAILURES, peer = HOSTILE, shown = %HOSTILE, stream = 3, "{HOSTILE}");
            tracing::info!(target: AGENT, suppressed = None::<u64>, "second");
        });
        assert!(text.ends_with('\n'));
        let lines: Vec<_> = text.trim_end_matches('\n').split('\n').collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert!(!lines.concat().contains(breaks_line), "{text}");
        let record: serde_json::Value = serde_json::from_str(lines[0]).unwrap();
        for (key, expected) in [
            ("level", "WARN"),
            ("target", FAILURES),
            ("message", HOSTILE),
            ("peer", HOSTILE),
            ("shown", HOSTILE),
        ] {
            assert_eq!(record[key], expected, "{key} in {text}");
        }
        assert_eq!(record["stream"], 3);
        assert_eq!(record["span"]["req_id"], HOSTILE);
        assert!(record["timestamp"].as_str().unwrap().ends_with('Z'));
        let record: serde_json::Value = serde_json::from_str(lines[1]).unwrap();
        assert!(record.get("suppressed").is_none(), "{text}");
    }

    #[test]
    fn text_and_json_have_the_same_fields() {
        let write = || {
            tracing::warn!(target: FAILURES, peer = "p", stream = 3_u64, frame = 1_u64, late = true, "said");
        };
        assert_eq!(
            written(LogFormat::Text, write),
            " WARN spoa::failures: said peer=\"p\" stream=3 frame=1 late=true\n"
        );
        let record = written(LogFormat::Json, write);
        let record: serde_json::Value = serde_json::from_str(&record).unwrap();
        for (field, expected) in [("stream", 3), ("frame", 1)] {
            assert_eq!(record[field], expected);
        }
        assert_eq!(
            (&record["peer"], &record["late"]),
            (&"p".into(), &true.into())
        );
        assert_eq!(record["message"], "said");
    }

    #[test]
    fn a_hostile_text_stays_on_its_line() {
        let text = written(LogFormat::Text, || {
            let _span = tracing::info_span!("outer", req_id = HOSTILE).entered();
            tracing::warn!(target: AGENT, peer = HOSTILE, shown = %HOSTILE, "{HOSTILE}");
        });
        assert_eq!(text.matches('\n').count(), 1, "{text}");
        assert!(!text.trim_end().contains(breaks_line), "{text}");
    }
}

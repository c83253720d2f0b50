//! The options of the agent: one table for the command line, the environment, files and the help.

mod environment;
#[cfg(feature = "options")]
mod file;
mod table;
mod value;

pub(super) use environment::{from_environment, warnings};
#[cfg(feature = "options")]
pub(super) use file::OptionsFile;
pub(super) use table::SETTINGS;
pub(super) use value::{SettingValue, addresses, networks};

use super::user_options::OptionOrigin;
use crate::agent::Limits;
use spoa_facts::{show_size, show_time};
use std::time::Duration;

/// The address to listen on by default.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:12345";

/// One option: `--long VALUE` on the command line, `SPOA_LONG` in the environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The option, without its dashes.
    pub(super) long: &'static str,
    /// The variable of the environment.
    pub(super) env: &'static str,
    /// The name of the value in the help.
    pub(super) value: &'static str,
    /// A noun phrase for the help.
    pub(super) help: &'static str,
    /// The heading in the help.
    pub(super) group: &'static str,
    pub(super) kind: SettingKind,
}

/// The kind of an option: its values, and the limit that it sets.
#[derive(Clone, Copy, Debug)]
pub(super) enum SettingKind {
    /// Addresses to listen on.
    Listen,
    /// Networks whose peers may connect.
    Allow,
    /// The file of a certificate, and of its key.
    TlsCert,
    /// The file of the key alone.
    TlsKey,
    /// The file of the CA of clients.
    TlsClientCa,
    /// The oldest version of TLS.
    TlsMinVersion,
    /// A number of threads.
    Workers,
    /// A filter for the log.
    Log,
    /// The form of the log's lines.
    LogFormat,
    /// Whether handlers run in spans.
    Spans,
    /// The address of the admin server.
    #[cfg(feature = "admin")]
    Admin,
    /// The condition for `/readyz` to say that the agent is ready.
    #[cfg(feature = "admin")]
    Ready,
    /// The file of options.
    #[cfg(feature = "options")]
    Config,
    /// A number of things, at least one.
    Count(fn(&mut Limits) -> &mut usize),
    /// A number of things that may be 0.
    Room(fn(&mut Limits) -> &mut usize),
    /// A number of bytes.
    Bytes(fn(&mut Limits) -> &mut usize),
    /// A size of frames, in bytes.
    Frame(fn(&mut Limits) -> &mut u32),
    /// A time that may be 0.
    Grace(fn(&mut Limits) -> &mut Duration),
    /// A time that may not be 0.
    Time(fn(&mut Limits) -> &mut Duration),
    /// A time, or none.
    Deadline(fn(&mut Limits) -> &mut Option<Duration>),
}

impl Setting {
    /// Returns whether the option may be given more than once.
    pub(super) fn repeats(&self) -> bool {
        matches!(self.kind, SettingKind::Listen | SettingKind::Allow)
    }

    /// Reads the values that a file has for an option.
    pub(super) fn parse_all(
        &self,
        texts: &[String],
        origin: &OptionOrigin,
    ) -> Result<Vec<SettingValue>, String> {
        if texts.len() > 1 && !self.repeats() {
            return Err(format!(
                "option {}: write one value, not a list",
                origin.of(self.long)
            ));
        }
        // Without a value, `allow = []` would mean the opposite of what it says.
        if texts.is_empty() {
            return Err(format!(
                "option {}: the list is empty: write a value, or remove the line",
                origin.of(self.long)
            ));
        }
        let values = texts.iter().map(|text| {
            self.parse(text).map_err(|problem| {
                format!("invalid value '{text}' {}: {problem}", origin.of(self.long))
            })
        });
        values.collect()
    }

    /// Sets a limit. Does nothing for a setting that is not a limit.
    pub(super) fn apply(&self, value: &SettingValue, limits: &mut Limits) {
        use SettingKind::{Bytes, Count, Deadline, Frame, Grace, Room, Time};
        match (self.kind, value) {
            (Count(field) | Room(field) | Bytes(field), SettingValue::Number(number)) => {
                *field(limits) = usize::try_from(*number).unwrap_or(usize::MAX);
            }
            (Frame(field), SettingValue::Number(number)) => {
                *field(limits) = u32::try_from(*number).unwrap_or(u32::MAX);
            }
            (Grace(field) | Time(field), SettingValue::Time(Some(time))) => *field(limits) = *time,
            (Deadline(field), SettingValue::Time(time)) => *field(limits) = *time,
            _ => {}
        }
    }

    /// Returns the default of a limit as it would be written; `None` for other settings.
    pub(super) fn default(&self) -> Option<String> {
        let mut limits = Limits::default();
        Some(match self.kind {
            SettingKind::Count(field) | SettingKind::Room(field) => field(&mut limits).to_string(),
            SettingKind::Bytes(field) => show_size(*field(&mut limits) as u64),
            SettingKind::Frame(field) => show_size(u64::from(*field(&mut limits))),
            SettingKind::Grace(field) | SettingKind::Time(field) => show_time(*field(&mut limits)),
            SettingKind::Deadline(field) => field(&mut limits).map_or("none".to_owned(), show_time),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn setting(long: &str) -> Setting {
        *SETTINGS
            .iter()
            .find(|setting| setting.long == long)
            .unwrap()
    }

    #[test]
    fn a_setting_has_the_same_name_in_the_environment() {
        for setting in SETTINGS {
            let env = format!("SPOA_{}", setting.long.replace('-', "_").to_uppercase());
            assert_eq!(setting.env, env);
        }
    }

    #[test]
    fn the_text_of_every_default_reads_as_the_default() {
        for setting in SETTINGS {
            let Some(default) = setting.default() else {
                continue;
            };
            let mut limits = Limits::default();
            setting.apply(&setting.parse(&default).unwrap(), &mut limits);
            assert_eq!(limits, Limits::default(), "--{}", setting.long);
        }
    }

    #[test]
    fn every_limit_can_be_set() {
        let mut limits = Limits::default();
        for (long, value) in [
            ("handler-timeout", "20ms"),
            ("max-in-flight", "7"),
            ("max-blocking", "8"),
            ("max-blocking-queue", "10"),
            ("max-after-work", "14"),
            ("max-transactions", "15"),
            ("max-transaction-bytes", "16k"),
            ("transaction-timeout", "7s"),
            ("max-connections", "9"),
            ("max-frame-size", "16380"),
            ("max-reassembled", "0"),
            ("max-in-flight-total", "11"),
            ("max-reassembled-total", "12k"),
            ("max-buffered-total", "13k"),
            ("hello-timeout", "2s"),
            ("frame-timeout", "3s"),
            ("write-timeout", "4s"),
            ("idle-timeout", "6m"),
            ("connection-lifetime", "1h"),
            ("linger-timeout", "0"),
            ("lame-duck", "5s"),
            ("drain-timeout", "1m"),
        ] {
            let setting = setting(long);
            setting.apply(&setting.parse(value).unwrap(), &mut limits);
        }
        let expected = Limits {
            adaptive_admission: true,
            handler_timeout: Some(Duration::from_millis(20)),
            max_in_flight: 7,
            max_blocking: 8,
            max_blocking_queue: 10,
            max_after_work: 14,
            max_transactions: 15,
            max_transaction_bytes: 16 << 10,
            transaction_timeout: Duration::from_secs(7),
            max_connections: 9,
            max_frame_size: 16380,
            max_reassembled: 0,
            max_in_flight_total: 11,
            max_reassembled_total: 12 << 10,
            max_buffered_total: 13 << 10,
            hello_timeout: Duration::from_secs(2),
            frame_timeout: Duration::from_secs(3),
            write_timeout: Duration::from_secs(4),
            idle_timeout: Some(Duration::from_secs(360)),
            connection_lifetime: Some(Duration::from_secs(3600)),
            linger_timeout: Duration::ZERO,
            lame_duck: Duration::from_secs(5),
            drain_timeout: Duration::from_secs(60),
        };
        assert_eq!(limits, expected);
    }

    #[test]
    fn the_help_is_a_line_of_at_most_60_columns() {
        for setting in SETTINGS {
            assert!(setting.help.chars().count() <= 60, "--{}", setting.long);
        }
    }
}

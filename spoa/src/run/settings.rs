//! The options of the agent: one table says how each is written, where it is read from and what it
//! sets.
//!
//! It must not know clap, nor the process's own environment.

use super::filter;
use super::units::{duration, show_duration, show_size, size};
use crate::agent::{Address, Limits, network};
use crate::spop::MIN_MAX_FRAME_SIZE;
use spoa_facts::nearest;
use std::time::Duration;

/// Where an agent listens if nobody says anything.
pub(super) const DEFAULT_LISTEN: &str = "127.0.0.1:12345";

/// One option: `--long VALUE` on the command line, `SPOA_LONG` in the environment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    /// The long option, without its dashes.
    pub(super) long: &'static str,
    /// The same in the environment.
    pub(super) env: &'static str,
    /// What stands for the value in the help.
    pub(super) value: &'static str,
    pub(super) help: &'static str,
    pub(super) group: &'static str,
    pub(super) kind: Kind,
}

/// What an option sets and which values it takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
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
    /// How many threads.
    Workers,
    /// What is logged.
    Log,
    /// A number of things, at least one.
    Count(fn(&mut Limits) -> &mut usize),
    /// A number of bytes.
    Bytes(fn(&mut Limits) -> &mut usize),
    /// A size of frames, in bytes.
    Frame(fn(&mut Limits) -> &mut u32),
    /// A time that may be 0.
    Grace(fn(&mut Limits) -> &mut Duration),
    /// A time that may not.
    Time(fn(&mut Limits) -> &mut Duration),
    /// A time or none.
    Deadline(fn(&mut Limits) -> &mut Option<Duration>),
}

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Given {
    Text(String),
    Number(u64),
    Time(Option<Duration>),
}

macro_rules! settings {
    ($($group:literal: { $($long:literal $env:literal $value:literal $kind:expr, $help:literal;)* })*) => {
        &[$($(Setting {
            long: $long,
            env: $env,
            value: $value,
            help: $help,
            group: $group,
            kind: $kind,
        }),*),*]
    };
}

/// All options of the agent.
pub(super) const SETTINGS: &[Setting] = settings! {
    "Serving": {
        "listen" "SPOA_LISTEN" "ADDRESS" Kind::Listen,
            "Listen here: IP:PORT, :PORT, unix@PATH[,mode=660][,user=U][,group=G], abns@NAME; once for each";
        "allow" "SPOA_ALLOW" "NETWORK" Kind::Allow,
            "Let only peers of this network connect by TCP: 10.0.0.0/8; once for each";
        "workers" "SPOA_WORKERS" "N" Kind::Workers,
            "Run the handlers on this many threads";
        "log" "SPOA_LOG" "FILTER" Kind::Log,
            "Log what passes: off, error, warn, info, debug or trace, and TARGET=LEVEL for parts";
    }
    "TLS": {
        "tls-cert" "SPOA_TLS_CERT" "FILE" Kind::TlsCert,
            "Take TLS on all TCP sockets, with this certificate (PEM) and its chain";
        "tls-key" "SPOA_TLS_KEY" "FILE" Kind::TlsKey,
            "The key of the certificate";
        "tls-client-ca" "SPOA_TLS_CLIENT_CA" "FILE" Kind::TlsClientCa,
            "Let only HAProxies connect whose certificate (`crt`) a CA of this file signed";
        "tls-min-version" "SPOA_TLS_MIN_VERSION" "VERSION" Kind::TlsMinVersion,
            "Oldest version of TLS to take: 1.2 or 1.3";
    }
    "Limits": {
        "handler-timeout" "SPOA_HANDLER_TIMEOUT" "TIME"
            Kind::Deadline(|limits| &mut limits.handler_timeout),
            "Answer without an async or blocking handler that takes longer; `none` waits";
        "max-inflight" "SPOA_MAX_INFLIGHT" "N"
            Kind::Count(|limits| &mut limits.max_in_flight),
            "NOTIFYs of one connection that may wait for their handlers";
        "max-inflight-total" "SPOA_MAX_INFLIGHT_TOTAL" "N"
            Kind::Count(|limits| &mut limits.max_in_flight_total),
            "Async and blocking handlers at work in all connections";
        "max-blocking" "SPOA_MAX_BLOCKING" "N"
            Kind::Count(|limits| &mut limits.max_blocking),
            "Blocking handlers at work at once";
        "max-connections" "SPOA_MAX_CONNECTIONS" "N"
            Kind::Count(|limits| &mut limits.max_connections),
            "Connections open at once; more are closed";
        "max-frame-size" "SPOA_MAX_FRAME_SIZE" "BYTES"
            Kind::Frame(|limits| &mut limits.max_frame_size),
            "Largest frame to agree to; HAProxy's own, if smaller, is taken";
        "max-reassembled" "SPOA_MAX_REASSEMBLED" "BYTES"
            Kind::Bytes(|limits| &mut limits.max_reassembled),
            "Fragments (HAProxy up to 3.0) held for one connection; 0 takes none";
        "max-reassembled-total" "SPOA_MAX_REASSEMBLED_TOTAL" "BYTES"
            Kind::Bytes(|limits| &mut limits.max_reassembled_total),
            "The same in all connections";
        "max-buffered-total" "SPOA_MAX_BUFFERED_TOTAL" "BYTES"
            Kind::Bytes(|limits| &mut limits.max_buffered_total),
            "Messages at work, frames that have not come whole and answers not read, in all";
    }
    "Times": {
        "hello-timeout" "SPOA_HELLO_TIMEOUT" "TIME"
            Kind::Time(|limits| &mut limits.hello_timeout),
            "A connection must say HELLO within this";
        "frame-timeout" "SPOA_FRAME_TIMEOUT" "TIME"
            Kind::Time(|limits| &mut limits.frame_timeout),
            "A frame must be complete within this";
        "write-timeout" "SPOA_WRITE_TIMEOUT" "TIME"
            Kind::Time(|limits| &mut limits.write_timeout),
            "A peer must read its answers within this";
        "idle-timeout" "SPOA_IDLE_TIMEOUT" "TIME"
            Kind::Deadline(|limits| &mut limits.idle_timeout),
            "Say goodbye on a connection on which nothing came for this long; `none` never";
        "connection-lifetime" "SPOA_CONNECTION_LIFETIME" "TIME"
            Kind::Deadline(|limits| &mut limits.connection_lifetime),
            "Say goodbye on a connection this old, so that HAProxy connects anew; `none` never";
        "linger-timeout" "SPOA_LINGER_TIMEOUT" "TIME"
            Kind::Grace(|limits| &mut limits.linger_timeout),
            "After goodbye, a peer may close within this";
        "lame-duck" "SPOA_LAME_DUCK" "TIME"
            Kind::Grace(|limits| &mut limits.lame_duck),
            "After SIGTERM, go on for this long with health checks refused, before draining";
        "drain-timeout" "SPOA_DRAIN_TIMEOUT" "TIME"
            Kind::Grace(|limits| &mut limits.drain_timeout),
            "After SIGTERM and --lame-duck, what is in flight may finish within this";
    }
};

/// More threads than this are a slip of the hand.
const MAX_WORKERS: u64 = 1024;

/// What is said of an option of TLS where there is none.
const WITHOUT_TLS: &str = "this program was built without TLS; enable it in its Cargo.toml: \
                           `haproxy-spoa = { …, features = [\"tls\"] }`";

impl Setting {
    /// Reads a value.
    pub(super) fn parse(&self, text: &str) -> Result<Given, String> {
        let number = |most: u64| {
            let number: Option<u64> = text
                .parse()
                .ok()
                .filter(|number| (1..=most).contains(number));
            number.ok_or_else(|| match most {
                MAX_WORKERS => format!("write a number from 1 to {MAX_WORKERS}"),
                _ => "write a number, at least 1".to_owned(),
            })
        };
        match self.kind {
            Kind::TlsCert | Kind::TlsKey | Kind::TlsClientCa | Kind::TlsMinVersion
                if !cfg!(feature = "tls") =>
            {
                Err(WITHOUT_TLS.to_owned())
            }
            Kind::TlsCert | Kind::TlsKey | Kind::TlsClientCa => match text {
                "" => Err("write the path of a file".to_owned()),
                path => Ok(Given::Text(path.to_owned())),
            },
            Kind::TlsMinVersion => match text {
                "1.2" | "1.3" => Ok(Given::Text(text.to_owned())),
                _ => Err("write `1.2` or `1.3`".to_owned()),
            },
            Kind::Listen if addresses(text).is_empty() => {
                Err("write an address such as `127.0.0.1:12345`".to_owned())
            }
            Kind::Listen => {
                let read = |address: &String| address.parse::<Address>();
                match addresses(text).iter().map(read).find_map(Result::err) {
                    None => Ok(Given::Text(text.to_owned())),
                    Some(error) => Err(error.to_string()),
                }
            }
            Kind::Allow => match networks(text).map(network).find_map(Result::err) {
                None if networks(text).next().is_none() => {
                    Err("write a network such as `10.0.0.0/8`".to_owned())
                }
                None => Ok(Given::Text(text.to_owned())),
                Some(error) => Err(error.to_string()),
            },
            Kind::Log => filter::read(text).map(|_| Given::Text(text.to_owned())),
            Kind::Workers => number(MAX_WORKERS).map(Given::Number),
            Kind::Count(_) => number(usize::MAX as u64).map(Given::Number),
            Kind::Bytes(_) => match size(text)? {
                size if usize::try_from(size).is_err() => Err("that is too large".to_owned()),
                size => Ok(Given::Number(size)),
            },
            Kind::Frame(_) => match size(text)? {
                size if size < u64::from(MIN_MAX_FRAME_SIZE) => Err(format!(
                    "HAProxy agrees to no less than {MIN_MAX_FRAME_SIZE} bytes"
                )),
                size if size > u64::from(u32::MAX) => Err("that is too large".to_owned()),
                size => Ok(Given::Number(size)),
            },
            Kind::Grace(_) => Ok(Given::Time(Some(duration(text)?))),
            Kind::Time(_) => match duration(text)? {
                Duration::ZERO => Err("it must be longer than 0".to_owned()),
                time => Ok(Given::Time(Some(time))),
            },
            Kind::Deadline(_) => match text {
                "none" => Ok(Given::Time(None)),
                text => match duration(text)? {
                    Duration::ZERO => {
                        Err("it must be longer than 0; where there is to be no such \
                                           time write `none`"
                            .to_owned())
                    }
                    time => Ok(Given::Time(Some(time))),
                },
            },
        }
    }

    /// Sets a limit; the other settings are not the agent's.
    pub(super) fn apply(&self, given: &Given, limits: &mut Limits) {
        match (self.kind, given) {
            (Kind::Count(field) | Kind::Bytes(field), Given::Number(number)) => {
                *field(limits) = usize::try_from(*number).unwrap_or(usize::MAX);
            }
            (Kind::Frame(field), Given::Number(number)) => {
                *field(limits) = u32::try_from(*number).unwrap_or(u32::MAX);
            }
            (Kind::Grace(field) | Kind::Time(field), Given::Time(Some(time))) => {
                *field(limits) = *time;
            }
            (Kind::Deadline(field), Given::Time(time)) => *field(limits) = *time,
            _ => {}
        }
    }

    /// The default of a limit, as it would be written.
    pub(super) fn default(&self) -> Option<String> {
        let mut limits = Limits::default();
        Some(match self.kind {
            Kind::Listen | Kind::Allow | Kind::Workers | Kind::Log => return None,
            Kind::TlsCert | Kind::TlsKey | Kind::TlsClientCa | Kind::TlsMinVersion => return None,
            Kind::Count(field) => field(&mut limits).to_string(),
            Kind::Bytes(field) => show_size(*field(&mut limits) as u64),
            Kind::Frame(field) => show_size(u64::from(*field(&mut limits))),
            Kind::Grace(field) | Kind::Time(field) => show_duration(*field(&mut limits)),
            Kind::Deadline(field) => field(&mut limits).map_or("none".to_owned(), show_duration),
        })
    }
}

/// Splits `SPOA_LISTEN` at its commas; those in `unix@path,mode=660,user=haproxy` are part of the
/// address.
pub(super) fn addresses(list: &str) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for part in list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        match addresses.last_mut() {
            Some(unix) if is_option(part) && unix.starts_with("unix@") => {
                unix.push(',');
                unix.push_str(part);
            }
            _ => addresses.push(part.to_owned()),
        }
    }
    addresses
}

/// Splits `SPOA_ALLOW` at its commas.
pub(super) fn networks(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Whether this is `word=value`, which no address is.
fn is_option(part: &str) -> bool {
    part.split_once('=')
        .is_some_and(|(word, _)| word.chars().all(|letter| letter.is_ascii_alphabetic()))
}

/// What is wrong with variables that look like an option's and are none.
pub(super) fn slips(variables: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let options = || {
        SETTINGS
            .iter()
            .filter_map(|setting| setting.env.strip_prefix("SPOA_"))
    };
    variables.filter_map(move |variable| {
        let name = variable.strip_prefix("SPOA_")?;
        if options().any(|option| option == name) {
            return None;
        }
        // The program may have variables of its own.
        let meant = nearest(name, options())?;
        Some(format!(
            "`{variable}` is no option and is not read: did you mean `SPOA_{meant}`?"
        ))
    })
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
    fn every_default_reads_as_a_value_that_changes_nothing() {
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
            ("max-inflight", "7"),
            ("max-blocking", "8"),
            ("max-connections", "9"),
            ("max-frame-size", "16380"),
            ("max-reassembled", "0"),
            ("max-inflight-total", "11"),
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
    fn none_lifts_a_deadline_and_0_does_not() {
        for long in ["handler-timeout", "idle-timeout", "connection-lifetime"] {
            assert_eq!(setting(long).parse("none"), Ok(Given::Time(None)));
            for text in ["0", "0ms"] {
                assert_eq!(
                    setting(long).parse(text).unwrap_err(),
                    "it must be longer than 0; where there is to be no such time write `none`"
                );
            }
        }
    }

    #[test]
    fn what_would_break_the_agent_is_refused() {
        let problem = |long: &str, value: &str| setting(long).parse(value).unwrap_err();
        assert_eq!(problem("hello-timeout", "0"), "it must be longer than 0");
        assert_eq!(problem("max-inflight", "0"), "write a number, at least 1");
        assert_eq!(problem("workers", "4096"), "write a number from 1 to 1024");
        assert_eq!(
            problem("max-frame-size", "255"),
            "HAProxy agrees to no less than 256 bytes"
        );
        assert_eq!(problem("max-frame-size", "4g"), "that is too large");
        assert_eq!(
            problem("listen", ","),
            "write an address such as `127.0.0.1:12345`"
        );
        if cfg!(feature = "tls") {
            assert_eq!(problem("tls-cert", ""), "write the path of a file");
            assert_eq!(problem("tls-min-version", "1.1"), "write `1.2` or `1.3`");
        } else {
            assert_eq!(problem("tls-cert", "a.pem"), WITHOUT_TLS);
        }
        assert_eq!(
            problem("allow", ","),
            "write a network such as `10.0.0.0/8`"
        );
        assert_eq!(
            problem("allow", "10.0.0.0/8,nobody"),
            "`nobody` is no network to allow: write one such as `10.0.0.0/8` or `2001:db8::/32`, \
             or one address such as `10.0.0.7`"
        );
        assert_eq!(
            problem("log", "spoa=wran"),
            "`wran` is not a level: write `warn`"
        );
        assert_eq!(
            problem("listen", "127.0.0.1:1,[::1]"),
            "`[::1]` is not an address to listen on: the port is missing; write `127.0.0.1:12345`, \
             `[::1]:12345`, `unix@/path`, `unix@/path,mode=660` or `abns@name`"
        );
    }

    #[test]
    fn a_list_of_addresses_keeps_what_is_said_of_a_socket() {
        assert_eq!(
            addresses("127.0.0.1:1, unix@/a,mode=660,user=b,unix@/c=d,gruop=e,abns@f=g,"),
            [
                "127.0.0.1:1",
                "unix@/a,mode=660,user=b",
                "unix@/c=d,gruop=e",
                "abns@f=g"
            ]
        );
    }

    #[test]
    fn a_variable_that_is_nearly_an_option_is_a_slip() {
        let of = |names: &[&str]| slips(names.iter().map(|name| (*name).to_owned())).collect();
        let found: Vec<String> = of(&["SPOA_MAX_CONECTIONS", "SPOA_LOG", "SPOA_DB_PATH", "HOME"]);
        assert_eq!(
            found,
            [
                "`SPOA_MAX_CONECTIONS` is no option and is not read: did you mean \
              `SPOA_MAX_CONNECTIONS`?"
            ]
        );
    }
}

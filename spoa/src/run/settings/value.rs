//! The values of options, read from their text.

use super::{Setting, SettingKind};
use crate::agent::{Address, network};
use crate::run::log::LogFormat;
use crate::run::log_filter;
use crate::spop::MIN_MAX_FRAME_SIZE;
use spoa_facts::{duration, size};
use std::time::Duration;

/// The value of an option.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::run) enum SettingValue {
    Text(String),
    Number(u64),
    Time(Option<Duration>),
}

/// The largest number of threads: a larger one is probably a typing error.
const MAX_WORKERS: u64 = 1024;

/// The error for options of TLS in a program without it.
pub(super) const WITHOUT_TLS: &str = "this program was built without TLS; enable it in its Cargo.toml: `haproxy-spoa = { …, features = [\"tls\"] }`";

impl Setting {
    /// Reads a value.
    pub(in crate::run) fn parse(&self, text: &str) -> Result<SettingValue, String> {
        use SettingKind as Kind;
        match self.kind {
            Kind::TlsCert | Kind::TlsKey | Kind::TlsClientCa | Kind::TlsMinVersion
                if !cfg!(feature = "tls") =>
            {
                Err(WITHOUT_TLS.to_owned())
            }
            Kind::TlsCert | Kind::TlsKey | Kind::TlsClientCa => match text {
                "" => Err("write the path of a file".to_owned()),
                path => Ok(SettingValue::Text(path.to_owned())),
            },
            Kind::TlsMinVersion => match text {
                "1.2" | "1.3" => Ok(SettingValue::Text(text.to_owned())),
                _ => Err("write `1.2` or `1.3`".to_owned()),
            },
            #[cfg(feature = "options")]
            Kind::Config => Ok(SettingValue::Text(text.to_owned())),
            Kind::Listen => listen(text),
            #[cfg(feature = "admin")]
            Kind::Admin => admin(text),
            #[cfg(feature = "admin")]
            Kind::Ready => match text {
                "serving" | "fresh" => Ok(SettingValue::Text(text.to_owned())),
                _ => Err("write `serving` or `fresh`".to_owned()),
            },
            Kind::Allow => allow(text),
            Kind::Log => log_filter::read(text).map(|_| SettingValue::Text(text.to_owned())),
            Kind::Spans => match text {
                "on" | "off" => Ok(SettingValue::Text(text.to_owned())),
                _ => Err("write `on` or `off`".to_owned()),
            },
            Kind::LogFormat => LogFormat::read(text).map(|_| SettingValue::Text(text.to_owned())),
            Kind::Workers => number(text, MAX_WORKERS),
            Kind::Count(_) => number(text, usize::MAX as u64),
            Kind::Room(_) => match text.parse::<usize>() {
                Ok(number) => Ok(SettingValue::Number(number as u64)),
                Err(_) => Err("write a number, at least 0".to_owned()),
            },
            Kind::Bytes(_) => match size(text)? {
                size if usize::try_from(size).is_err() => Err("that is too large".to_owned()),
                size => Ok(SettingValue::Number(size)),
            },
            Kind::Frame(_) => match size(text)? {
                size if size < u64::from(MIN_MAX_FRAME_SIZE) => {
                    Err(format!("HAProxy needs at least {MIN_MAX_FRAME_SIZE} bytes"))
                }
                size if size > u64::from(u32::MAX) => Err("that is too large".to_owned()),
                size => Ok(SettingValue::Number(size)),
            },
            Kind::Grace(_) => Ok(SettingValue::Time(Some(duration(text)?))),
            Kind::Time(_) => match duration(text)? {
                Duration::ZERO => Err("it must be longer than 0".to_owned()),
                time => Ok(SettingValue::Time(Some(time))),
            },
            Kind::Deadline(_) if text == "none" => Ok(SettingValue::Time(None)),
            Kind::Deadline(_) => match duration(text)? {
                Duration::ZERO => {
                    Err("it must be longer than 0; to turn it off, write `none`".to_owned())
                }
                time => Ok(SettingValue::Time(Some(time))),
            },
        }
    }
}

fn number(text: &str, most: u64) -> Result<SettingValue, String> {
    let number = text.parse().ok();
    match number.filter(|number| (1..=most).contains(number)) {
        Some(number) => Ok(SettingValue::Number(number)),
        None if most == MAX_WORKERS => Err(format!("write a number from 1 to {MAX_WORKERS}")),
        None => Err("write a number, at least 1".to_owned()),
    }
}

fn listen(text: &str) -> Result<SettingValue, String> {
    let addresses = addresses(text);
    if addresses.is_empty() {
        return Err("write an address such as `127.0.0.1:12345`".to_owned());
    }
    for address in addresses {
        address
            .parse::<Address>()
            .map_err(|error| error.to_string())?;
    }
    Ok(SettingValue::Text(text.to_owned()))
}

#[cfg(feature = "admin")]
fn admin(text: &str) -> Result<SettingValue, String> {
    text.parse::<Address>().map_err(|error| error.to_string())?;
    Ok(SettingValue::Text(text.to_owned()))
}

fn allow(text: &str) -> Result<SettingValue, String> {
    if networks(text).next().is_none() {
        return Err("write a network such as `10.0.0.0/8`".to_owned());
    }
    for name in networks(text) {
        network(name).map_err(|error| error.to_string())?;
    }
    Ok(SettingValue::Text(text.to_owned()))
}

/// Splits a list of addresses at its commas. The commas in `unix@path,mode=660,user=haproxy` are part of
/// the address.
pub(in crate::run) fn addresses(list: &str) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for part in networks(list) {
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

/// Splits a list of networks at its commas.
pub(in crate::run) fn networks(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
}

/// Returns whether a part is `word=value`, which is not an address.
fn is_option(part: &str) -> bool {
    part.split_once('=')
        .is_some_and(|(word, _)| word.chars().all(|letter| letter.is_ascii_alphabetic()))
}

#[cfg(test)]
mod tests {
    use super::super::SETTINGS;
    use super::*;

    fn setting(long: &str) -> Setting {
        *SETTINGS
            .iter()
            .find(|setting| setting.long == long)
            .unwrap()
    }

    #[test]
    fn none_turns_a_timeout_off_and_0_is_refused() {
        for long in ["handler-timeout", "idle-timeout", "connection-lifetime"] {
            assert_eq!(setting(long).parse("none"), Ok(SettingValue::Time(None)));
            for text in ["0", "0ms"] {
                assert_eq!(
                    setting(long).parse(text).unwrap_err(),
                    "it must be longer than 0; to turn it off, write `none`"
                );
            }
        }
    }

    #[test]
    fn values_that_would_break_the_agent_are_refused() {
        let problem = |long: &str, value: &str| setting(long).parse(value).unwrap_err();
        assert_eq!(problem("hello-timeout", "0"), "it must be longer than 0");
        assert_eq!(problem("max-in-flight", "0"), "write a number, at least 1");
        assert_eq!(problem("workers", "4096"), "write a number from 1 to 1024");
        assert_eq!(
            problem("max-frame-size", "255"),
            "HAProxy needs at least 256 bytes"
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
            "`nobody` is not a network to allow: write one such as `10.0.0.0/8` or `2001:db8::/32`, \
             or one address such as `10.0.0.7`"
        );
        assert_eq!(
            problem("log", "spoa=wran"),
            "`wran` is not a level: write `warn`"
        );
        assert_eq!(problem("log-format", "JSON"), "write `text` or `json`");
        assert_eq!(
            problem("listen", "127.0.0.1:1,[::1]"),
            "`[::1]` is not an address to listen on: the port is missing; write `127.0.0.1:12345`, \
             `[::1]:12345`, `unix@/path`, `unix@/path,mode=660` or `abns@name`"
        );
    }

    #[test]
    fn a_list_of_addresses_keeps_the_options_of_a_socket() {
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
}

//! Times and sizes as HAProxy's configuration writes them: `20ms`, `64k`.

use std::fmt;
use std::time::Duration;

/// The units of a time, the largest first.
const TIMES: [(&str, Duration); 6] = [
    ("d", Duration::from_secs(86400)),
    ("h", Duration::from_secs(3600)),
    ("m", Duration::from_secs(60)),
    ("s", Duration::from_secs(1)),
    ("ms", Duration::from_millis(1)),
    ("us", Duration::from_micros(1)),
];

/// The units of a size in bytes, the largest first.
const SIZES: [(&str, u64); 3] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)];

/// Why a text is not a time or a size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuantityError<'t> {
    /// The text does not begin with a whole number.
    NoNumber,
    /// The number has no unit.
    NoUnit,
    /// The unit is unknown.
    UnknownUnit {
        /// The digits before the unit.
        number: &'t str,
        /// The unit.
        unit: &'t str,
    },
    /// The value is too large to be counted.
    TooLarge,
}

impl fmt::Display for QuantityError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            QuantityError::NoNumber => f.write_str("a whole number is missing"),
            QuantityError::NoUnit => f.write_str("the unit is missing"),
            QuantityError::UnknownUnit { unit, .. } => write!(f, "`{unit}` is not a unit"),
            QuantityError::TooLarge => f.write_str("the number is too large"),
        }
    }
}

impl std::error::Error for QuantityError<'_> {}

/// Reads a whole number with a unit, such as `20ms` or `1s`.
///
/// ```
/// use spoa_facts::{QuantityError, parse_time};
/// use std::time::Duration;
///
/// assert_eq!(parse_time("20ms"), Ok(Duration::from_millis(20)));
/// assert_eq!(parse_time("20"), Err(QuantityError::NoUnit));
/// ```
///
/// # Errors
/// A [`QuantityError`] if the text is not such a time.
pub fn parse_time(text: &str) -> Result<Duration, QuantityError<'_>> {
    let (digits, unit) = split(text);
    let number = number(digits)?;
    if unit.is_empty() {
        return Err(QuantityError::NoUnit);
    }
    let known = TIMES.iter().find(|(name, _)| *name == unit);
    let (_, length) = known.ok_or(QuantityError::UnknownUnit {
        number: digits,
        unit,
    })?;
    // All but whole microseconds are exact multiples of a second or a fraction of it.
    let micros = u64::try_from(length.as_micros()).unwrap_or(u64::MAX);
    number
        .checked_mul(micros)
        .map(Duration::from_micros)
        .ok_or(QuantityError::TooLarge)
}

/// Reads a time as HAProxy does (`parse_time_err` in its tools.c): milliseconds, if there is no unit, and at
/// most 24 days, ignoring the text after the unit. `None` if HAProxy refuses the text.
///
/// ```
/// use spoa_facts::haproxy_time;
/// use std::time::Duration;
///
/// assert_eq!(haproxy_time("1500"), Some(Duration::from_millis(1500)));
/// assert_eq!(haproxy_time("2d"), Some(Duration::from_secs(2 * 86400)));
/// assert_eq!(haproxy_time("30d"), None);
/// ```
#[must_use]
pub fn haproxy_time(text: &str) -> Option<Duration> {
    let (digits, rest) = split(text);
    let unit = match rest.as_bytes() {
        [] | [b'm', b's', ..] => "ms",
        [b'u', ..] => "us",
        _ => rest.get(..1)?,
    };
    let (_, length) = TIMES.iter().find(|(name, _)| *name == unit)?;
    let micros = u64::try_from(length.as_micros()).ok()?;
    let time = Duration::from_micros(number(digits).ok()?.checked_mul(micros)?);
    (time <= Duration::from_millis(i32::MAX.unsigned_abs().into())).then_some(time)
}

/// Writes a time in the largest of the units `h`, `m`, `s`, `ms` and `us` that leaves a whole number.
///
/// ```
/// use spoa_facts::show_time;
/// use std::time::Duration;
///
/// assert_eq!(show_time(Duration::from_secs(60)), "1m");
/// assert_eq!(show_time(Duration::from_millis(1001)), "1001ms");
/// ```
#[must_use]
pub fn show_time(time: Duration) -> String {
    let nanos = time.as_nanos();
    // `24h` is easier to compare with other options than `1d`.
    let mut units = TIMES.iter().skip(1);
    match units.find(|(_, length)| nanos > 0 && nanos % length.as_nanos() == 0) {
        Some((name, length)) => format!("{}{name}", nanos / length.as_nanos()),
        None => "0".to_owned(),
    }
}

/// Reads a number of bytes, with or without a unit `k`, `m` or `g`.
///
/// ```
/// use spoa_facts::parse_size;
///
/// assert_eq!(parse_size("64k"), Ok(65536));
/// assert_eq!(parse_size("16380"), Ok(16380));
/// ```
///
/// # Errors
/// A [`QuantityError`] if the text is not such a size.
pub fn parse_size(text: &str) -> Result<u64, QuantityError<'_>> {
    let (digits, unit) = split(text);
    let number = number(digits)?;
    if unit.is_empty() {
        return Ok(number);
    }
    let mut known = SIZES.iter();
    let known = known.find(|(name, _)| name.eq_ignore_ascii_case(unit));
    let (_, factor) = known.ok_or(QuantityError::UnknownUnit {
        number: digits,
        unit,
    })?;
    number.checked_mul(*factor).ok_or(QuantityError::TooLarge)
}

/// Writes a number of bytes in the largest unit that leaves a whole number.
///
/// ```
/// assert_eq!(spoa_facts::show_size(65536), "64k");
/// ```
#[must_use]
pub fn show_size(bytes: u64) -> String {
    let mut units = SIZES.iter();
    match units.find(|(_, factor)| bytes > 0 && bytes % factor == 0) {
        Some((name, factor)) => format!("{}{name}", bytes / factor),
        None => bytes.to_string(),
    }
}

fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(digits)
}

fn number<'t>(digits: &'t str) -> Result<u64, QuantityError<'t>> {
    match digits.parse() {
        Ok(number) => Ok(number),
        Err(_) if digits.is_empty() => Err(QuantityError::NoNumber),
        Err(_) => Err(QuantityError::TooLarge),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_and_print() {
        for text in ["20ms", "1s", "5m", "1h", "24h", "250us", "1001ms"] {
            assert_eq!(parse_time(text).map(show_time).as_deref(), Ok(text));
        }
        assert_eq!(parse_time("1d").map(show_time).as_deref(), Ok("24h"));
        assert_eq!(show_time(Duration::ZERO), "0");
        for (text, error) in [
            ("", QuantityError::NoNumber),
            ("ms", QuantityError::NoNumber),
            ("20", QuantityError::NoUnit),
            ("18446744073709551615s", QuantityError::TooLarge),
            ("99999999999999999999ms", QuantityError::TooLarge),
        ] {
            assert_eq!(parse_time(text), Err(error), "{text}");
        }
        let unknown = QuantityError::UnknownUnit {
            number: "5",
            unit: "min",
        };
        assert_eq!(parse_time("5min"), Err(unknown));
    }

    #[test]
    fn sizes_read_and_print() {
        for text in ["16380", "64k", "1m", "2g", "0"] {
            assert_eq!(parse_size(text).map(show_size).as_deref(), Ok(text));
        }
        assert_eq!(parse_size("1M"), Ok(1 << 20));
        assert_eq!(parse_size("1024k"), Ok(1 << 20));
        assert_eq!(parse_size("99999999999g"), Err(QuantityError::TooLarge));
        assert_eq!(parse_size("-1"), Err(QuantityError::NoNumber));
    }
}

//! Durations and sizes on command lines, with errors that say what to write.

use crate::quantity::{QuantityError, parse_size, parse_time};
use std::time::Duration;

/// The longest duration of an option: no clock overflows when it is added.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads a duration of a command line, such as `20ms`, `1s`, `5m` or `0`: of at most 24 hours.
///
/// # Errors
/// What to write instead.
///
/// ```
/// use std::time::Duration;
///
/// assert_eq!(spoa_facts::duration("20ms"), Ok(Duration::from_millis(20)));
/// assert_eq!(spoa_facts::duration("20").unwrap_err(), "the unit is missing: write `20ms` or `20s`");
/// ```
pub fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let too_long = || "the longest is `24h`".to_owned();
    match parse_time(text) {
        Ok(time) if time > LONGEST => Err(too_long()),
        Ok(time) => Ok(time),
        Err(QuantityError::NoUnit) => Err(format!(
            "the unit is missing: write `{text}ms` or `{text}s`"
        )),
        Err(QuantityError::UnknownUnit { unit, .. }) => Err(format!(
            "`{unit}` is not a unit: write `us`, `ms`, `s`, `m` or `h`"
        )),
        Err(QuantityError::TooLarge) => Err(too_long()),
        Err(_) => Err("write a whole number and a unit, such as `20ms` or `1s`".to_owned()),
    }
}

/// Reads a size of a command line in bytes, such as `16380`, `64k` or `1m`.
///
/// # Errors
/// What to write instead.
///
/// ```
/// assert_eq!(spoa_facts::size("64k"), Ok(65_536));
/// ```
pub fn size(text: &str) -> Result<u64, String> {
    parse_size(text).map_err(|error| match error {
        QuantityError::UnknownUnit { unit, .. } => {
            format!("`{unit}` is not a unit: write `k`, `m` or `g`")
        }
        QuantityError::TooLarge => "that is more than 64 bits hold".to_owned(),
        _ => "write a number of bytes, such as `16380` or `64k`".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::{show_size, show_time};

    #[test]
    fn durations_read_and_print() {
        for text in ["20ms", "1s", "5m", "1h", "250us", "1001ms", "0"] {
            assert_eq!(show_time(duration(text).unwrap()), text);
        }
        assert_eq!(duration("1000ms"), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn a_bad_duration_says_what_to_write() {
        let problem = |text: &str| duration(text).unwrap_err();
        assert_eq!(problem("20"), "the unit is missing: write `20ms` or `20s`");
        assert_eq!(
            problem("20min"),
            "`min` is not a unit: write `us`, `ms`, `s`, `m` or `h`"
        );
        let form = "write a whole number and a unit, such as `20ms` or `1s`";
        assert_eq!(problem("soon"), form);
        assert_eq!(problem("-1s"), form);
        assert_eq!(
            problem("1.5s"),
            "`.5s` is not a unit: write `us`, `ms`, `s`, `m` or `h`"
        );
        assert_eq!(problem("25h"), "the longest is `24h`");
        assert_eq!(problem("4294967295h"), "the longest is `24h`");
    }

    #[test]
    fn sizes_read_and_print() {
        for text in ["16380", "64k", "1m", "2g", "0"] {
            assert_eq!(show_size(size(text).unwrap()), text);
        }
        assert_eq!(size("1M"), Ok(1 << 20));
        assert_eq!(size("1024k"), Ok(1 << 20));
    }

    #[test]
    fn a_bad_size_says_what_to_write() {
        assert_eq!(
            size("64kb").unwrap_err(),
            "`kb` is not a unit: write `k`, `m` or `g`"
        );
        assert_eq!(
            size("big").unwrap_err(),
            "write a number of bytes, such as `16380` or `64k`"
        );
        assert_eq!(
            size("99999999999g").unwrap_err(),
            "that is more than 64 bits hold"
        );
    }
}

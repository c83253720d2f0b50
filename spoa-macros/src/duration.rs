//! Timeouts as text: `20ms`.
//!
//! These functions read text and return the text of an error; they do not handle tokens.

use spoa_facts::{QuantityError, parse_time};
use std::time::Duration;

/// Reads a time such as `20ms` as microseconds.
pub(crate) fn micros(text: &str) -> Result<u64, String> {
    let problem = match parse_time(text) {
        Ok(Duration::ZERO) => {
            "a timeout of 0 leaves the handler no time: remove it, or write a longer one".to_owned()
        }
        Ok(time) => {
            let micros = u64::try_from(time.as_micros());
            return micros.map_err(|_| format!("`{text}` is too long for a timeout"));
        }
        Err(QuantityError::NoUnit) => format!(
            "`{text}` has no unit, `us`, `ms`, `s`, `m` or `h`: write for instance `\"{text}ms\"`"
        ),
        Err(QuantityError::UnknownUnit { unit, .. }) if unit.starts_with(['.', ',']) => {
            format!("`{text}` is not a whole number: write it in a smaller unit, `us` or `ms`")
        }
        Err(QuantityError::UnknownUnit { number, unit }) => {
            let meant = ["us", "ms", "s", "m", "h"].into_iter();
            let meant = meant.into_iter().find(|name| unit.trim().starts_with(name));
            format!(
                "`{unit}` is not a unit of time: write `us`, `ms`, `s`, `m` or `h`, for instance \
                 `\"{number}{}\"`",
                meant.unwrap_or("s")
            )
        }
        Err(QuantityError::TooLarge) => format!("`{text}` is too long for a timeout"),
        Err(_) => format!(
            "`{text}` is not a time: write a whole number and a unit, `us`, `ms`, `s`, `m` or `h`, for \
             instance `\"20ms\"`"
        ),
    };
    Err(problem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_a_whole_number_and_a_unit() {
        assert_eq!(micros("20ms"), Ok(20_000));
        assert_eq!(micros("7us"), Ok(7));
        assert_eq!(micros("2s"), Ok(2_000_000));
        // As on the command line.
        assert_eq!(micros("1m"), Ok(60_000_000));
        assert_eq!(micros("1h"), Ok(3_600_000_000));
        for (text, problem) in [
            ("20", "write for instance `\"20ms\"`"),
            ("", "`` is not a time"),
            ("ms", "`ms` is not a time"),
            ("0ms", "remove it"),
            ("1.5s", "not a whole number"),
            ("20 ms", "for instance `\"20ms\"`"),
            ("5min", "for instance `\"5m\"`"),
            ("5sec", "for instance `\"5s\"`"),
            ("5days", "for instance `\"5s\"`"),
            ("18446744073709551615s", "too long"),
            ("99999999999999999999ms", "too long"),
        ] {
            let found = micros(text).unwrap_err();
            assert!(found.contains(problem), "{found}");
        }
    }
}

//! Durations and sizes as they are written on a command line: `20ms`, `64k`.
//!
//! It must not know which option they are for.

use std::time::Duration;

/// What a duration is made of, the largest unit first.
const TIMES: [(&str, Duration); 5] = [
    ("h", Duration::from_secs(3600)),
    ("m", Duration::from_secs(60)),
    ("s", Duration::from_secs(1)),
    ("ms", Duration::from_millis(1)),
    ("us", Duration::from_micros(1)),
];

/// What a size is made of, the largest unit first; HAProxy writes `tune.bufsize` with the same ones.
const SIZES: [(&str, u64); 3] = [("g", 1 << 30), ("m", 1 << 20), ("k", 1 << 10)];

/// The longest that any option may say: no clock overflows by adding it.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// Reads `20ms`, `1s`, `5m`, `0`.
pub fn duration(text: &str) -> Result<Duration, String> {
    if text == "0" {
        return Ok(Duration::ZERO);
    }
    let (number, unit) = split(text);
    let number: u32 = number
        .parse()
        .map_err(|_| "write a whole number and a unit, such as `20ms` or `1s`".to_owned())?;
    let length = TIMES.iter().find(|(name, _)| *name == unit);
    let (_, length) = length.ok_or_else(|| match unit {
        "" => format!("the unit is missing: write `{number}ms` or `{number}s`"),
        unit => format!("`{unit}` is no unit: write `us`, `ms`, `s`, `m` or `h`"),
    })?;
    let length = length.checked_mul(number);
    length
        .filter(|length| *length <= LONGEST)
        .ok_or_else(|| "the longest is `24h`".to_owned())
}

/// Writes a duration as [`duration`] reads it.
pub fn show_duration(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let unit = TIMES
        .iter()
        .find(|(_, length)| nanos > 0 && nanos % length.as_nanos() == 0);
    match unit {
        Some((name, length)) => format!("{}{name}", nanos / length.as_nanos()),
        None => "0".to_owned(),
    }
}

/// Reads `16380`, `64k`, `1m`: bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let (number, unit) = split(text);
    let number: u64 = number
        .parse()
        .map_err(|_| "write a number of bytes, such as `16380` or `64k`".to_owned())?;
    let factor = match unit {
        "" => 1,
        unit => {
            let lower = unit.to_ascii_lowercase();
            let factor = SIZES.iter().find(|(name, _)| *name == lower);
            factor
                .ok_or_else(|| format!("`{unit}` is no unit: write `k`, `m` or `g`"))?
                .1
        }
    };
    number
        .checked_mul(factor)
        .ok_or_else(|| "that is more than 64 bits hold".to_owned())
}

/// Writes a size as [`size`] reads it.
pub(super) fn show_size(size: u64) -> String {
    let unit = SIZES
        .iter()
        .find(|(_, factor)| size > 0 && size % factor == 0);
    match unit {
        Some((name, factor)) => format!("{}{name}", size / factor),
        None => size.to_string(),
    }
}

fn split(text: &str) -> (&str, &str) {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for text in ["20ms", "1s", "5m", "1h", "250us", "1001ms", "0"] {
            assert_eq!(show_duration(duration(text).unwrap()), text);
        }
        assert_eq!(duration("1000ms"), Ok(Duration::from_secs(1)));
    }

    #[test]
    fn a_bad_duration_says_what_to_write() {
        let problem = |text: &str| duration(text).unwrap_err();
        assert_eq!(problem("20"), "the unit is missing: write `20ms` or `20s`");
        assert_eq!(
            problem("20min"),
            "`min` is no unit: write `us`, `ms`, `s`, `m` or `h`"
        );
        let form = "write a whole number and a unit, such as `20ms` or `1s`";
        assert_eq!(problem("soon"), form);
        assert_eq!(problem("-1s"), form);
        assert_eq!(
            problem("1.5s"),
            "`.5s` is no unit: write `us`, `ms`, `s`, `m` or `h`"
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
            "`kb` is no unit: write `k`, `m` or `g`"
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

//! A time as an option has it: `20ms`.
//!
//! It knows text only, no tokens: what is wrong comes back in words that a compiler error can show.

/// `20ms` in microseconds.
pub(crate) fn micros(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, u64); 5] = [
        ("us", 1),
        ("ms", 1_000),
        ("s", 1_000_000),
        ("m", 60_000_000),
        ("h", 3_600_000_000),
    ];
    let digits = text.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let number = match number.parse::<u64>() {
        Ok(0) => return Err("a timeout of 0 leaves the handler no time: leave it out".to_owned()),
        Ok(number) => number,
        Err(_) if digits > 0 => return Err(format!("`{text}` is too long a time")),
        Err(_) => {
            return Err(format!(
                "`{text}` is no time: write a whole number and a unit, `us`, `ms`, `s`, `m` \
                 or `h`, for instance `\"20ms\"`"
            ));
        }
    };
    match UNITS.into_iter().find(|(name, _)| *name == unit) {
        Some((_, factor)) => number
            .checked_mul(factor)
            .ok_or_else(|| format!("`{text}` is too long a time")),
        None if unit.is_empty() => Err(format!(
            "`{text}` has no unit, `us`, `ms`, `s`, `m` or `h`: write for instance `\"{text}ms\"`"
        )),
        None if unit.starts_with(['.', ',']) => Err(format!(
            "`{text}` is no whole number: write it in a smaller unit, `us` or `ms`"
        )),
        None => {
            let meant = UNITS
                .into_iter()
                .find(|(name, _)| unit.trim().starts_with(name));
            let meant = meant.map_or("s", |(name, _)| name);
            Err(format!(
                "`{unit}` is no unit of time: write `us`, `ms`, `s`, `m` or `h`, for instance \
                 `\"{number}{meant}\"`"
            ))
        }
    }
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
            ("", "`` is no time"),
            ("ms", "`ms` is no time"),
            ("0ms", "leave it out"),
            ("1.5s", "no whole number"),
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

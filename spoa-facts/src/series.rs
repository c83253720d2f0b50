//! The series of HAProxy whose configuration is known.

use std::fmt;
use std::str::FromStr;

/// A series of HAProxy, oldest first.
///
/// ```
/// use spoa_facts::Series;
///
/// let series: Series = "3.0.11".parse().unwrap();
/// assert_eq!(series, Series::V3_0);
/// assert!(series < Series::V3_2);
/// assert!("2.4".parse::<Series>().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Series {
    /// 2.6
    V2_6,
    /// 2.8
    V2_8,
    /// 3.0
    V3_0,
    /// 3.2
    V3_2,
    /// 3.4
    V3_4,
    /// 3.5, by its development version 3.5-dev5: there is no release yet.
    V3_5,
}

impl Series {
    /// All series, oldest first.
    pub const ALL: [Series; 6] = [
        Series::V2_6,
        Series::V2_8,
        Series::V3_0,
        Series::V3_2,
        Series::V3_4,
        Series::V3_5,
    ];

    /// Returns the bit of the series in a set.
    pub(crate) fn bit(self) -> u8 {
        1 << self as u8
    }

    /// Returns the two numbers of the series.
    #[must_use]
    pub fn numbers(self) -> (u16, u16) {
        match self {
            Series::V2_6 => (2, 6),
            Series::V2_8 => (2, 8),
            Series::V3_0 => (3, 0),
            Series::V3_2 => (3, 2),
            Series::V3_4 => (3, 4),
            Series::V3_5 => (3, 5),
        }
    }
}

impl fmt::Display for Series {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (major, minor) = self.numbers();
        write!(f, "{major}.{minor}")
    }
}

/// A version of HAProxy older than any that is known, or no version at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownSeries(String);

impl fmt::Display for UnknownSeries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not a supported version of HAProxy: write 2.6, 2.8, 3.0, 3.2, 3.4 or 3.5",
            self.0
        )
    }
}

impl std::error::Error for UnknownSeries {}

/// The newest series that is not newer than a version: 3.3 is written and read as 3.2 is.
impl FromStr for Series {
    type Err = UnknownSeries;

    fn from_str(text: &str) -> Result<Self, UnknownSeries> {
        let unknown = || UnknownSeries(text.to_owned());
        let mut numbers = text.split(['.', '-']).map(str::parse::<u16>);
        let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
            return Err(unknown());
        };
        let mut known = Series::ALL.into_iter().rev();
        known
            .find(|series| series.numbers() <= (major, minor))
            .ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_belong_to_the_series_before_them() {
        for (text, series) in [
            ("2.6.12", Series::V2_6),
            ("2.9", Series::V2_8),
            ("3.4-dev3", Series::V3_4),
            ("3.5-dev5", Series::V3_5),
            ("4.0", Series::V3_5),
        ] {
            assert_eq!(text.parse(), Ok(series));
        }
        for text in ["2.5", "three", "", "3"] {
            assert!(text.parse::<Series>().is_err(), "{text}");
        }
    }
}

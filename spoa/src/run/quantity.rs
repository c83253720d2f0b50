//! Parsers for values of options.

use std::time::Duration;

/// Reads a duration as the options of every agent do: `20ms`, `1s`, `5m` or `0`, of at most 24 hours.
///
/// It is a `value_parser` for [options of your own](crate::run!#options):
///
/// ```
/// use std::time::Duration;
///
/// #[derive(clap::Args)]
/// struct Options {
///     /// Time for an answer of the store
///     #[arg(long, value_name = "TIME", default_value = "20ms", value_parser = spoa::run::duration)]
///     store_timeout: Duration,
/// }
/// assert_eq!(spoa::run::duration("20ms"), Ok(Duration::from_millis(20)));
/// ```
///
/// # Errors
/// A sentence that says what to write instead.
pub fn duration(text: &str) -> Result<Duration, String> {
    spoa_facts::duration(text)
}

//! Why a value could not be made again.

use std::error::Error;
use std::fmt;

/// A value that could not be made.
#[derive(Debug)]
pub(crate) struct ReloadError {
    pub(crate) part: String,
    /// Made where the error came from: to show it is user code, which may panic.
    pub(crate) text: String,
}

impl ReloadError {
    /// Which one: an expression of `reload = …`, or the name of a type.
    #[must_use]
    pub(crate) fn part(&self) -> &str {
        &self.part
    }
}

impl fmt::Display for ReloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` failed: {}", self.part, self.text)
    }
}

// Its causes are part of its text.
impl Error for ReloadError {}

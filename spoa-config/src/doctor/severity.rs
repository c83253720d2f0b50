//! How bad a finding is.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Nothing is wrong; it is worth knowing.
    Note,
    /// It works, and will hurt one day.
    Warning,
    /// HAProxy refuses it, or something is never done that was meant to be.
    Error,
}

impl Severity {
    /// Returns the word that is printed.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

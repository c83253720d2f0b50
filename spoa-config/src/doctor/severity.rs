//! How bad a finding is.

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Severity {
    /// Not a fault, but worth knowing.
    Note,
    /// It works, but causes trouble later.
    Warning,
    /// HAProxy refuses it, or the configuration does not have its effect.
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

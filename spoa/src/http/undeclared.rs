//! The error for a verdict that its type does not declare.

use std::fmt;

/// The error for a verdict, or a header, that is not declared: HAProxy has no rule for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undeclared {
    pub(super) declared_by: &'static str,
    pub(super) what: String,
}

impl fmt::Display for Undeclared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` does not declare `{}`, so HAProxy has no rule for it",
            self.declared_by, self.what
        )
    }
}

impl std::error::Error for Undeclared {}

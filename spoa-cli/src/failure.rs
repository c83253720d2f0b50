//! The failure of a command, and its exit status.

use std::fmt::{self, Display};
use std::process::ExitCode;

/// The exit status of a command that did its work and found something wrong.
pub(crate) const FOUND_WRONG: u8 = 1;

/// Why a command ended early.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// The command ran and failed.
    Failed(String),
}

impl Failure {
    pub(crate) fn usage(problem: impl Display) -> Self {
        Failure::Usage(problem.to_string())
    }

    pub(crate) fn failed(problem: impl Display) -> Self {
        Failure::Failed(problem.to_string())
    }

    /// Returns the exit status: 2 for a wrong command line, as clap does.
    pub(crate) fn status(&self) -> ExitCode {
        match self {
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Failed(_) => ExitCode::from(FOUND_WRONG),
        }
    }
}

impl Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(problem) | Failure::Failed(problem) => f.write_str(problem),
        }
    }
}

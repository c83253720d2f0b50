//! Standard output, with the error that a command ends with.

use crate::failure::Failure;

/// Prints to standard output, and returns whether the reader is still there.
pub(crate) fn print(text: &str) -> Result<bool, Failure> {
    spoa_tools::terminal::print(text)
        .map_err(|error| Failure::failed(format!("cannot write to standard output: {error}")))
}

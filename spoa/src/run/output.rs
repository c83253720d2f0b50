//! Standard output and warnings of commands.

use super::StartError;
#[cfg(feature = "tools")]
use std::fmt::Display;
use std::io::{self, Write, stdout};

/// Prints to standard output. A reader that closed the pipe has seen enough.
pub(super) fn print(text: &str) -> Result<(), StartError> {
    let mut stdout = stdout();
    let printed = stdout.write_all(text.as_bytes());
    match printed.and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(StartError::Output(error)),
        _ => Ok(()),
    }
}

/// Prints warnings to standard error.
#[cfg(feature = "tools")]
pub(super) fn warn(warnings: impl IntoIterator<Item = impl Display>) {
    for warning in warnings {
        eprintln!("warning: {warning}");
    }
}

//! Keeps the log lines of an agent for the test.
//!
//! An agent that fares well warns of nothing, so a warning that a test did not ask for fails it.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::fmt::MakeWriter;

use crate::{eventually, scoped};

/// The log lines of whatever runs on the threads that [`capture`](Logs::capture) them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Logs(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// Every line, for a test that fails.
    lines: Vec<String>,
    /// Those of level WARN and ERROR that no test has asked for.
    warnings: Vec<String>,
}

impl Logs {
    /// Keeps what this thread logs for as long as the guard lives.
    pub(crate) fn capture(&self) -> DefaultGuard {
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(Level::DEBUG)
            .with_writer(self.clone())
            .with_ansi(false)
            .without_time()
            .finish();
        scoped::subscribe(subscriber)
    }

    /// Returns every line so far.
    pub(crate) fn lines(&self) -> Vec<String> {
        self.lock().lines.clone()
    }

    /// Takes the warnings there are.
    pub(crate) fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().warnings)
    }

    /// Takes the first warning with `text` in it, and waits for it if need be.
    pub(crate) fn wait_for_warning(&self, text: &str) -> String {
        let mut found = None;
        eventually(&format!("a warning with `{text}`"), || {
            let warnings = &mut self.lock().warnings;
            let at = warnings.iter().position(|line| line.contains(text));
            found = at.map(|at| warnings.remove(at));
            found.is_some()
        });
        found.expect("it was waited for")
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for Logs {
    type Writer = Logs;

    fn make_writer(&'a self) -> Logs {
        self.clone()
    }
}

/// Each write is one event.
impl Write for Logs {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(event).trim().to_owned();
        let mut kept = self.lock();
        if line.starts_with("WARN") || line.starts_with("ERROR") {
            kept.warnings.push(line.clone());
        }
        kept.lines.push(line);
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn warnings_are_kept_apart_until_they_are_taken() {
        let logs = Logs::default();
        let capture = logs.capture();
        tracing::debug!("nothing much");
        tracing::warn!(peer = 1, "too late");
        tracing::error!("too bad");
        assert_eq!(
            logs.wait_for_warning("too bad"),
            "ERROR spoa_tests::logs::tests: too bad"
        );
        assert_eq!(
            logs.take_warnings(),
            ["WARN spoa_tests::logs::tests: too late peer=1"]
        );
        assert!(logs.take_warnings().is_empty());
        assert_eq!(logs.lines().len(), 3);
        drop(capture);
        tracing::warn!("not ours");
        assert_eq!(logs.lines().len(), 3);
    }
}

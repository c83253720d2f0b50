//! The lines that a program has printed.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The lines so far. Clones share them.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<LogLines>);

#[derive(Debug, Default)]
struct LogLines {
    lines: Mutex<Vec<String>>,
    grown: Condvar,
}

impl Log {
    /// Adds a line.
    pub(super) fn add(&self, line: &str) {
        self.lock().push(line.to_owned());
        self.0.grown.notify_all();
    }

    /// Returns all lines.
    pub(super) fn lines(&self) -> Vec<String> {
        self.lock().clone()
    }

    /// Waits for a line with a text, and returns the first.
    pub(super) fn wait_for(&self, text: &str, limit: Duration) -> Option<String> {
        self.wait_for_after(0, text, limit)
    }

    /// Waits for a line with a text after the first `seen` lines, and returns the first of those.
    pub(super) fn wait_for_after(
        &self,
        seen: usize,
        text: &str,
        limit: Duration,
    ) -> Option<String> {
        let deadline = Instant::now() + limit;
        let mut lines = self.lock();
        loop {
            let mut later = lines.iter().skip(seen);
            if let Some(line) = later.find(|line| line.contains(text)) {
                return Some(line.clone());
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return None;
            }
            let waited = self.0.grown.wait_timeout(lines, left);
            lines = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_waited_for() {
        let log = Log::default();
        assert_eq!(log.wait_for("b", Duration::ZERO), None);
        let writer = log.clone();
        let thread = std::thread::spawn(move || {
            writer.add("a");
            writer.add("abc");
        });
        assert_eq!(
            log.wait_for("b", Duration::from_secs(20)).as_deref(),
            Some("abc")
        );
        thread.join().unwrap();
        assert_eq!(log.lines(), ["a", "abc"]);
        assert_eq!(log.wait_for_after(2, "b", Duration::ZERO), None);
        log.add("b");
        let later = log.wait_for_after(2, "b", Duration::ZERO);
        assert_eq!(later.as_deref(), Some("b"));
    }
}

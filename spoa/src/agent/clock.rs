//! The clock of times that fit into an atomic number.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the time since the process first asked for it.
pub(crate) fn elapsed() -> Duration {
    START.elapsed()
}

/// Returns that time in milliseconds, plus one, so that 0 can mean never.
pub(crate) fn millis() -> u64 {
    u64::try_from(elapsed().as_millis()).map_or(u64::MAX, |millis| millis.saturating_add(1))
}

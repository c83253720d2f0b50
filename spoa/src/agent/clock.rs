//! The clock of times that fit into an atomic number.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

static START: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Returns the time since the process first asked for it.
pub(crate) fn elapsed() -> Duration {
    START.elapsed()
}

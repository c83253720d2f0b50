//! Everything that writes a log line, and the limits of how many lines are written.

pub(crate) mod connections;
pub(crate) mod panics;
pub(crate) mod rate_limit;
pub(crate) mod values;

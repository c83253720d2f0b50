//! One worker thread: its buffers, its activity, and the watchdog that looks at it.

pub(crate) mod activity;
pub(crate) mod scratch;
pub(crate) mod watchdog;

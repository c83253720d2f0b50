//! What belongs to one worker thread: its buffers, what it shows of itself, and the watchdog that looks at it.

pub(crate) mod activity;
pub(crate) mod scratch;
pub(crate) mod watchdog;

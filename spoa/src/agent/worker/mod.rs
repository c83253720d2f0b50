//! What belongs to one worker thread: its buffers, and the watchdog that looks at it.

pub(crate) mod scratch;
pub(crate) mod watchdog;

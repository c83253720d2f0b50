//! One worker thread: its buffers, its batches, its activity, and the watchdog that looks at it.

pub(crate) mod activity;
mod batching;
pub(crate) mod scratch;
pub(crate) mod watchdog;

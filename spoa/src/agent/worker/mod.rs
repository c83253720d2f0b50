//! One worker thread: its state, its batches, its activity, and the watchdog that looks at it.

pub(crate) mod activity;
mod batching;
pub(crate) mod state;
pub(crate) mod watchdog;

//! The parts that benchmarks share: handlers, their frames, and a stream in memory.
//!
//! How to run them and what they said is in `docs/performance.md`.

pub mod codec;
pub mod feed;
pub mod frames;
pub mod handlers;

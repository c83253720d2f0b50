//! The parts that benchmarks share: handlers, their frames, and a stream in memory.
//!
//! `docs/benchmarks.md` says how to run them, and has their results.

pub mod codec;
pub mod feed;
pub mod frames;
pub mod handlers;

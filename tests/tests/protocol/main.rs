//! Property tests of the protocol, for any input.
//!
//! It knows the protocol by its public items only.

mod allocation;
mod any_bytes;
mod invariants;
mod round_trips;
mod splits;
mod strategies;

//! Conversations with an agent over an in-memory pipe, on a clock of the test's own.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod acks;
mod after_work;
mod blocking;
mod counts;
mod dependency;
mod drain;
mod dropped_values;
mod failures;
mod fairness;
mod flow;
mod handlers;
mod hostile;
mod limits;
mod observer;
mod peer;
mod reload;
mod rotation;
mod scoped;
mod secrets;
mod sizes;
mod time;
mod transactions;

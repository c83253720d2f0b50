//! Conversations with an agent over an in-memory pipe, on a clock of the test's own.

mod failures;
mod flow;
mod handlers;
mod peer;
mod time;

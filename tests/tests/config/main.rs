//! What `config` writes: HAProxy takes it without a warning, and it works as it was written.

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod dev;
mod examples;
mod kitchen_sink;
mod matrix;
mod tls;
mod written;

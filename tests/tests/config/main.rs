//! HAProxy takes the files of `config` without a warning, and they work as written.

mod answers;
#[path = "../common/mod.rs"]
mod common;
mod dev;
mod examples;
mod kitchen_sink;
mod matrix;
mod tls;
mod written;

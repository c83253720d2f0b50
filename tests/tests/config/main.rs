//! HAProxy takes the files of `config` without a warning, and they work as written.

mod answers;
mod backends;
mod bodies;
mod cache;
#[path = "../common/mod.rs"]
mod common;
mod dev;
mod dns;
mod examples;
#[path = "../http/h2.rs"]
mod h2;
mod http_types;
mod ingress;
mod kitchen_sink;
mod matrix;
mod slices;
mod slow_server;
mod sticky;
mod tls;
mod written;

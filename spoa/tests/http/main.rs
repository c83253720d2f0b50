//! Requests and responses of HTTP as parameters of handlers.
#![cfg(feature = "http")]
#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod requests;
mod samples;

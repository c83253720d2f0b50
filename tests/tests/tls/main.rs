//! TLS as a client sees it, and the errors about certificates that cannot be used.

mod certificate_files;
mod clients;
#[path = "../common/mod.rs"]
mod common;
mod peer;

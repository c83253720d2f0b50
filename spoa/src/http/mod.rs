//! Requests and responses of HTTP as types.
//!
//! It must not know connections, sockets or tasks.

mod header_set;
mod set_cookie;

pub use header_set::{BadHeader, HeaderSet};
pub use set_cookie::{BadCookie, SameSite, SetCookie};

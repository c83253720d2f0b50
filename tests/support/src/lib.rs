//! HAProxy's end of a connection, for tests and benchmarks: frames as HAProxy sends them, and a stream
//! in memory that does what a test says.

mod frames;
mod stream;

pub use frames::{frame, health_check, hello, notify};
pub use stream::Stream;

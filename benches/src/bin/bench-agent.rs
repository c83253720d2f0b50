//! An agent with all handlers of the benchmarks, to be loaded from another process.

use spoa::http::Headers;
use spoa::spoe_message;
use spoa_benches::handlers::{
    async_1ms, async_ready, check_body, check_request, ignore, inspect, ip_reputation,
    ten_arguments,
};

/// Takes the headers that `inspect` takes, and does nothing with them.
#[spoe_message("take")]
fn take(_headers: Headers<'_>) {}

fn main() {
    spoa::run!(
        listen = "127.0.0.1:12345",
        handlers = [
            ip_reputation,
            check_request,
            ten_arguments,
            async_ready,
            async_1ms,
            check_body,
            inspect,
            ignore,
            take
        ]
    )
}

//! An agent with all handlers of the benchmarks, to be loaded from another process.

use spoa_benches::handlers::{
    async_1ms, async_ready, check_body, check_request, ignore, inspect, ip_reputation,
    ten_arguments,
};

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
            ignore
        ]
    )
}

//! An agent with a message that a client can make too large for a frame.

use spoa::prelude::*;

#[spoe_message("check", event = "on-frontend-http-request", set = "txn.length")]
fn check(
    #[arg(sample = "url")] url: &[u8],
    #[arg(sample = "query", default)] query: &[u8],
) -> usize {
    url.len() + query.len()
}

fn main() {
    spoa::run!(listen = "127.0.0.1:0")
}

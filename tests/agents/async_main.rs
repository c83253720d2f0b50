//! A mistake: `run!` within a runtime.
//!
//! It must not know which test runs it.

use spoa::prelude::*;

#[spoe_message("ping")]
fn ping() {}

#[tokio::main]
async fn main() {
    spoa::run!()
}

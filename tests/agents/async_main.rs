//! A mistake: `run!` within a runtime.

use spoa::prelude::*;

#[spoe_message("ping")]
fn ping() {}

#[tokio::main]
async fn main() {
    spoa::run!()
}

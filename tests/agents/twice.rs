//! An agent that serves again after it was stopped.

use spoa::prelude::*;

#[spoe_message("ping", set = "txn.pong")]
fn ping() -> bool {
    true
}

fn main() {
    spoa::run!(listen = "127.0.0.1:0");
    spoa::run!(listen = "127.0.0.1:0");
}

//! A mistake of the machine's: what the state is made of is not there.

use spoa::prelude::*;

#[spoe_message("ping")]
fn ping() {}

fn main() {
    spoa::run!(state = std::fs::read_to_string("/nonexistent/blocklist")?)
}

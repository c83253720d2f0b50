//! An agent that is given two values of one type.

use spoa::State;
use spoa::prelude::*;

#[spoe_message("ping", set = "txn.pong")]
fn ping(State(word): State<'_, String>) -> String {
    word.clone()
}

fn main() {
    spoa::run!(
        listen = "127.0.0.1:0",
        state = String::from("one"),
        state = String::from("two")
    );
}

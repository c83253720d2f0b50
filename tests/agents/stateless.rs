//! A mistake: a handler takes a state that nobody gives.

use spoa::State;
use spoa::prelude::*;

struct Db(u8);

#[spoe_message("count")]
fn count(State(db): State<'_, Db>) -> SetVar<u8> {
    SetVar::session("count", db.0)
}

fn main() {
    spoa::run!(state = String::new())
}

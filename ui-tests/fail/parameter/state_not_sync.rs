use spoa::{prelude::*, State};

use std::cell::Cell;

#[spoe_message("count")]
fn count(counter: State<'_, Cell<u64>>) {
    counter.set(counter.get() + 1);
}

fn main() {}

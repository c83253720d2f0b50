//! A mistake: two handlers of one message.
//!
//! It must not know which test runs it.

use spoa::prelude::*;

#[spoe_message("check")]
fn first() {}

mod other {
    use spoa::prelude::*;

    #[spoe_message("check")]
    fn second() {}
}

fn main() {
    spoa::run!()
}

//! A mistake: two handlers of one message.

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

use spoa::{prelude::*, spop::Message};

#[spoe_message("check")]
fn check(message: &Message<'_>) {
    let _ = message;
}

fn main() {}

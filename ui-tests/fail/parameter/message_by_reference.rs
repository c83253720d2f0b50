use spoa::prelude::*;

#[spoe_message("check")]
fn check(message: &Message<'_>) {
    let _ = message;
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check((a, b): (u8, u8)) {
    let _ = (a, b);
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", set = "sess.ip_score")]
fn check(value: u8) {
    let _ = value;
}

fn main() {}

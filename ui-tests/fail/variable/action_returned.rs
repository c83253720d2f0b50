use spoa::prelude::*;

#[spoe_message("check", set = "sess.ip_score")]
fn check(value: u8) -> SetVar<u8> {
    SetVar::session("ip_score", value)
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> SetVar<u8> {
    SetVar::session("ip-score", value)
}

fn main() {}

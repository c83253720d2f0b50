use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> impl Iterator<Item = SetVar<u8>> {
    std::iter::once(SetVar::session("value", value))
}

fn main() {}

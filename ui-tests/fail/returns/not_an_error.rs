use spoa::prelude::*;

struct Broken;

#[spoe_message("check")]
fn check(value: u8) -> Result<SetVar<u8>, Broken> {
    Ok(SetVar::session("value", value))
}

fn main() {}

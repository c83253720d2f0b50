use spoa::prelude::*;

use std::error::Error;

#[spoe_message("check")]
fn check(value: u8) -> Result<SetVar<u8>, Box<dyn Error>> {
    Ok(SetVar::session("value", value))
}

fn main() {}

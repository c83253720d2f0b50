use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> Result<u8, HandlerError> {
    Ok(value)
}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> Box<dyn Fn() -> u8> {
    Box::new(move || value)
}

fn main() {}

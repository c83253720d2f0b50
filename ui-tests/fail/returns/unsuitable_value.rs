use spoa::prelude::*;

#[spoe_message("check")]
fn check(value: u8) -> SetVar<f64> {
    SetVar::session("ratio", f64::from(value))
}

fn main() {}

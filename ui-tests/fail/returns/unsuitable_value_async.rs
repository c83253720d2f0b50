use spoa::prelude::*;

#[spoe_message("check")]
async fn check(value: u8) -> Option<SetVar<f64>> {
    Some(SetVar::session("ratio", f64::from(value)))
}

fn main() {}

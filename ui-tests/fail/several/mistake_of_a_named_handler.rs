use spoa::{prelude::*, agent::Agent};

#[spoe_message("check", timout = "20ms")]
fn check(value: u8) -> SetVar<u8> {
    SetVar::session("value", value)
}

fn main() {
    assert_eq!(check(1).value(), &1);
    let _ = Agent::builder().handlers(handlers![check]);
}

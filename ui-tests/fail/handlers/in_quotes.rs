use spoa::{prelude::*, agent::Agent};

#[spoe_message("check")]
fn check() {}

fn main() {
    let _ = Agent::builder().handlers(handlers!["check"]);
}

use spoa::prelude::*;

#[spoe_message("check", timeout: "20ms")]
async fn check() {}

fn main() {}

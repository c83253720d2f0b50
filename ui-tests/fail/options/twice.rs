use spoa::prelude::*;

#[spoe_message("check", timeout = "20ms", timeout = "30ms")]
async fn check() {}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", timeout = "0ms")]
async fn check() {}

fn main() {}

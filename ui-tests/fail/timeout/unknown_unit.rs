use spoa::prelude::*;

#[spoe_message("check", timeout = "2min")]
async fn check() {}

fn main() {}

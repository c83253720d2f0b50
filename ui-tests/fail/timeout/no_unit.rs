use spoa::prelude::*;

#[spoe_message("check", timeout = "20")]
async fn check() {}

fn main() {}

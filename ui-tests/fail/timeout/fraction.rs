use spoa::prelude::*;

#[spoe_message("check", timeout = "1.5s")]
async fn check() {}

fn main() {}

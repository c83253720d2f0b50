use spoa::prelude::*;

#[spoe_message("check", timeout)]
async fn check() {}

fn main() {}

use spoa::prelude::*;

#[spoe_message("check", timout = "20ms")]
async fn check() {}

fn main() {}

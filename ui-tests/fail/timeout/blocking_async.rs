use spoa::prelude::*;

#[spoe_message("check", blocking)]
async fn check() {}

fn main() {}
